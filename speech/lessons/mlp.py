"""A multilayer perceptron with one hidden layer (Rumelhart, Hinton and Williams 1986)."""

from __future__ import annotations

import torch
from torch import Tensor

from speech.backprop.activations import Sigmoid, Tanh
from speech.backprop.chain import Chain
from speech.backprop.dropout import Dropout
from speech.lessons.network import first_weights, linear


class Mlp:
    """x ``(batch, n_in)`` -> Linear -> squash -> Linear -> ``(batch, n_out)``, or ``(batch,)`` if n_out is 1.

    In training, dropout may silence inputs and hidden units: ``forward`` takes its masks, or None.
    """

    def __init__(
        self, n_in: int, n_hidden: int, n_out: int, squash: type[Sigmoid] | type[Tanh], generator: torch.Generator
    ):
        self.squash = squash
        hidden = {"hidden.weight": (n_hidden, n_in), "hidden.bias": (n_hidden,)}
        output = {"output.weight": (n_out, n_hidden), "output.bias": (n_out,)}
        self.parameters = first_weights(hidden, n_in, generator) | first_weights(output, n_hidden, generator)

    def forward(
        self, x: Tensor, mask_x: Tensor | None = None, mask_hidden: Tensor | None = None
    ) -> tuple[Tensor, Chain]:
        chain = Chain()
        if mask_x is not None:
            x = chain.step("dropout", Dropout, x, mask_x)
        x = linear(chain, "hidden", x, self.parameters)
        x = chain.step("squash", self.squash, x)
        if mask_hidden is not None:
            x = chain.step("hidden.dropout", Dropout, x, mask_hidden)
        y = linear(chain, "output", x, self.parameters)
        return y.squeeze(1) if y.shape[1] == 1 else y, chain

    def backward(self, saved: Chain, grad_y: Tensor) -> dict[str, Tensor]:
        grads, _ = saved.backward(grad_y.reshape(len(grad_y), -1), until="hidden")
        return grads
