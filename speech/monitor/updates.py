"""The relative change of each layer's weights in a step: is the learning rate right for all layers?"""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.optim import Optimizer

from speech.monitor.layers import norms
from speech.monitor.moments import require_from_1


class UpdateRatios(pl.Callback):
    """``update/<layer>``, ``update/all``: norm of the change / norm of the weights, every ``every_n_steps`` steps.

    About 1e-3 is usual; a layer far below the others hardly learns, one far above is overwritten at each step.
    """

    def __init__(self, every_n_steps: int) -> None:
        require_from_1(self, every_n_steps=every_n_steps)
        self.every_n_steps = every_n_steps
        self._before: dict[str, Tensor] = {}
        self._step = 0

    def on_before_optimizer_step(self, trainer: pl.Trainer, pl_module: pl.LightningModule, _: Optimizer) -> None:
        if trainer.global_step % self.every_n_steps == 0:
            self._before = {name: parameter.detach().clone() for name, parameter in pl_module.named_parameters()}
            self._step = trainer.global_step

    @torch.no_grad()
    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not self._before:
            return
        change = norms({name: p - self._before[name] for name, p in pl_module.named_parameters()})
        size = norms(self._before)
        ratios = {f"update/{layer}": change[layer] / size[layer] for layer in size if size[layer] > 0}
        for logger in trainer.loggers:
            logger.log_metrics(ratios, self._step)
        self._before = {}
