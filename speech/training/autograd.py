"""A training step's gradients from torch's autograd: ``gradients=torch`` and ``gradients=hybrid``."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn

from speech.data.dataset import Batch
from speech.model.encoder import Encoder
from speech.model.recognizer import Recognizer
from speech.training.distributed import divisor
from speech.training.loss import Losses, loss_of


class Autograd:
    """autograd records the step and differentiates it.

    With ``manual_recurrent`` (hybrid) the recurrent layers are nodes of its graph with hand-written derivatives.
    """

    def __init__(self, manual_recurrent: bool) -> None:
        self.manual_recurrent = manual_recurrent

    def forward(self, recognizer: Recognizer, batch: Batch) -> Losses:
        if self.manual_recurrent and not isinstance(recognizer.encoder, Encoder):
            kind = type(recognizer.encoder).__name__
            raise ValueError(f"gradients=hybrid: {kind} has no hand-written recurrent layers: use gradients=torch")
        recognizer.encoder.manual_recurrent = self.manual_recurrent
        return loss_of(recognizer, batch, divisor)

    def backward(self, loss: Tensor) -> None:
        loss.backward()

    def clip(self, parameters: Iterable[nn.Parameter], largest: float) -> None:
        nn.utils.clip_grad_norm_(parameters, largest)
