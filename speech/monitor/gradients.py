"""The norm of each layer's gradient, before clipping: where the error fades or explodes on its way back."""

from __future__ import annotations

import pytorch_lightning as pl
from torch.optim import Optimizer

from speech.monitor.layers import norms


class GradientNorms(pl.Callback):
    """``gradient/<layer>`` and ``gradient/all``, Euclidean, every ``every_n_steps`` steps."""

    def __init__(self, every_n_steps: int = 20) -> None:
        self.every_n_steps = every_n_steps

    def on_before_optimizer_step(self, trainer: pl.Trainer, pl_module: pl.LightningModule, _: Optimizer) -> None:
        if trainer.global_step % self.every_n_steps:
            return
        grads = {name: p.grad for name, p in pl_module.named_parameters() if p.grad is not None}
        for logger in trainer.loggers:
            logger.log_metrics({f"gradient/{layer}": n for layer, n in norms(grads).items()}, trainer.global_step)
