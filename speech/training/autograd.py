"""A training step's gradients from torch's autograd."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn

from speech.data.dataset import Batch
from speech.model.recognizer import Recognizer
from speech.training.loss import Losses, loss_of


class Autograd:
    """torch keeps the graph of a step and differentiates it."""

    def forward(self, recognizer: Recognizer, batch: Batch) -> Losses:
        return loss_of(recognizer, batch)

    def backward(self, loss: Tensor) -> None:
        loss.backward()

    def clip(self, parameters: Iterable[nn.Parameter], largest: float) -> None:
        nn.utils.clip_grad_norm_(parameters, largest)
