"""How the weights and the gradients of each layer are spread: saturated, dead, or alive."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from torch.optim import Optimizer

from speech.monitor.layers import by_layer
from speech.monitor.moments import epoch_is_due, writer


class Histograms(pl.Callback):
    """``weights/<layer>`` and ``gradients/<layer>`` after ``first_epoch``, twice, four times, ... as many epochs.

    They are what the epoch's last step begins with, before clipping.
    """

    def __init__(self, first_epoch: int = 1) -> None:
        self.first_epoch = first_epoch

    def on_before_optimizer_step(self, trainer: pl.Trainer, pl_module: pl.LightningModule, _: Optimizer) -> None:
        board = writer(trainer)
        if board is None or not trainer.is_last_batch or not epoch_is_due(trainer, self.first_epoch):
            return
        weights = {name: parameter.detach() for name, parameter in pl_module.named_parameters()}
        grads = {name: p.grad for name, p in pl_module.named_parameters() if p.grad is not None}
        for kind, tensors in (("weights", weights), ("gradients", grads)):
            for layer, some in by_layer(tensors).items():
                values = torch.cat([one.flatten() for one in some])
                if values.isfinite().all():  # a histogram of NaN raises, and the loss shows them already
                    board.add_histogram(f"{kind}/{layer}", values, trainer.global_step)
