"""A training step's gradients from hand-written backpropagation of the whole recogniser: ``gradients=manual``."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from speech.backprop import optimizers
from speech.backprop import recognizer as by_hand
from speech.backprop.chain import Chain
from speech.data.dataset import Batch
from speech.model.recognizer import Recognizer
from speech.training.loss import Losses, hidden_features, texts


class Manual:
    """``speech.backprop`` alone computes the gradient of each parameter from the waveform, without autograd.

    Like autograd, it leaves the gradients in each parameter's ``grad``, for clipping, optimisers and callbacks.
    """

    def __init__(self) -> None:
        self._chain: Chain | None = None
        self._parameters: dict[str, nn.Parameter] = {}

    def forward(self, recognizer: Recognizer, batch: Batch) -> Losses:
        if torch.is_autocast_enabled(batch.waveforms.device.type):
            raise ValueError(
                "gradients=manual: it needs one precision: use trainer.precision=32-true, or gradients=torch"
            )
        recognizer.requires_grad_(False)
        self._parameters = dict(recognizer.named_parameters())
        with torch.no_grad():
            waveforms = recognizer.frontend.pad(batch.waveforms)
            geometry = recognizer.geometry()  # raises for an encoder from outside this project
            masks = dropout_masks(recognizer, waveforms.shape[1], batch.n_samples)
            hidden = hidden_features(recognizer, batch)
            chain, n_frames = by_hand.forward(geometry, self._parameters, waveforms, batch.n_samples, masks, hidden)
            loss = by_hand.add_loss(chain, n_frames, texts(batch), recognizer.n_symbols)
        self._chain = chain
        return Losses(loss, chain.values["losses"].isinf().sum(), chain.values["logits"], n_frames)

    def backward(self, loss: Tensor) -> None:
        assert self._chain is not None, "call forward before backward"
        with torch.no_grad():
            grads, _ = self._chain.backward(torch.ones_like(loss), until=by_hand.FIRST_TRAINED)
        for name, parameter in self._parameters.items():
            parameter.grad = grads[name]
        self._chain = None  # frees the values saved by the step

    def clip(self, parameters: Iterable[nn.Parameter], largest: float) -> None:
        optimizers.clip_norm({str(i): p.grad for i, p in enumerate(parameters) if p.grad is not None}, largest)


def dropout_masks(recognizer: Recognizer, longest: int, n_samples: Tensor) -> list[Tensor]:
    """The masks that the encoder's dropout would draw from torch's generator in its next forward pass."""
    encoder = recognizer.encoder
    rate = encoder.dropout.p if recognizer.training else 0.0
    if rate == 0:
        return []
    weight = encoder.output.weight
    shape = [len(n_samples), recognizer.n_frames(longest)]
    sizes = [encoder.convolution.out_channels] + [weight.shape[1]] * len(encoder.forwards)
    return [weight.new_empty([*shape, size]).bernoulli_(1 - rate).div_(1 - rate) for size in sizes]
