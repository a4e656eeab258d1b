"""The norm of each layer's gradient, before clipping: where the error fades or explodes on its way back."""

from __future__ import annotations

from collections import defaultdict

import pytorch_lightning as pl
from torch.optim import Optimizer


class GradientNorms(pl.Callback):
    """``gradient/<layer>`` and ``gradient/all``, Euclidean, every ``every_n_steps`` steps."""

    def __init__(self, every_n_steps: int = 20) -> None:
        self.every_n_steps = every_n_steps

    def on_before_optimizer_step(self, trainer: pl.Trainer, pl_module: pl.LightningModule, _: Optimizer) -> None:
        if trainer.global_step % self.every_n_steps:
            return
        squares: defaultdict[str, float] = defaultdict(float)
        for name, parameter in pl_module.named_parameters():
            if parameter.grad is not None:
                layer = name.removeprefix("recognizer.").rpartition(".")[0]
                square = float(parameter.grad.square().sum())
                squares[layer] += square
                squares["all"] += square
        for logger in trainer.loggers:
            logger.log_metrics({f"gradient/{layer}": s**0.5 for layer, s in squares.items()}, trainer.global_step)
