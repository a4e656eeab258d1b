"""The norm of each layer's gradient, before clipping: it shows where gradients vanish or explode."""

from __future__ import annotations

import pytorch_lightning as pl
from torch.optim import Optimizer

from speech.monitor.layers import gradients, norms
from speech.monitor.moments import require_from_1


class GradientNorms(pl.Callback):
    """``gradient/<layer>`` and ``gradient/all``, Euclidean, every ``every_n_steps`` steps."""

    def __init__(self, every_n_steps: int) -> None:
        require_from_1(self, every_n_steps=every_n_steps)
        self.every_n_steps = every_n_steps

    def on_before_optimizer_step(self, trainer: pl.Trainer, pl_module: pl.LightningModule, _: Optimizer) -> None:
        if trainer.global_step % self.every_n_steps:
            return
        found = {f"gradient/{layer}": norm for layer, norm in norms(gradients(pl_module)).items()}
        for logger in trainer.loggers:
            logger.log_metrics(found, trainer.global_step)
