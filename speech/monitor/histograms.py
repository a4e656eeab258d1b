"""The distributions of each layer's weights and gradients: they show which layer saturates, or no longer changes."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from torch.optim import Optimizer

from speech.monitor.layers import by_layer, gradients
from speech.monitor.moments import require_from_1, writer_if_due


class Histograms(pl.Callback):
    """``weights/<layer>`` and ``gradients/<layer>`` after epoch ``first_epoch`` and twice, four times, ... as many.

    They are from the epoch's last step, before clipping and the update.
    """

    def __init__(self, first_epoch: int) -> None:
        require_from_1(self, first_epoch=first_epoch)
        self.first_epoch = first_epoch

    def on_before_optimizer_step(self, trainer: pl.Trainer, pl_module: pl.LightningModule, _: Optimizer) -> None:
        board = writer_if_due(trainer, self.first_epoch) if trainer.is_last_batch else None
        if board is None:
            return
        weights = {name: parameter.detach() for name, parameter in pl_module.named_parameters()}
        for kind, tensors in (("weights", weights), ("gradients", gradients(pl_module))):
            for layer, some in by_layer(tensors).items():
                values = torch.cat([one.flatten() for one in some])
                if values.isfinite().all():  # add_histogram raises for NaN, and the loss shows it already
                    board.add_histogram(f"{kind}/{layer}", values, trainer.global_step)
