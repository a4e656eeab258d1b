"""The hand-written AdamW as a torch optimiser: ``optimizer=adamw_manual``."""

from __future__ import annotations

from typing import Any

import torch

from speech.backprop import optimizers


class AdamW(torch.optim.Optimizer):
    """The hand-written update rule with torch's optimiser interface, so that schedulers and checkpoints work."""

    def __init__(
        self,
        params: Any,
        lr: float,
        weight_decay: float = 0.01,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        with torch.enable_grad():
            loss = closure() if closure is not None else None
        for group in self.param_groups:
            moved = {str(i): p for i, p in enumerate(group["params"]) if p.grad is not None}
            state = {name: self.state[p] for name, p in moved.items() if self.state[p]}
            grads = {name: p.grad for name, p in moved.items()}
            optimizers.adamw(moved, grads, state, group["lr"], group["betas"], group["eps"], group["weight_decay"])
            for name, p in moved.items():
                self.state[p] = state[name]
        return loss
