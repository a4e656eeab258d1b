"""A multilayer perceptron: weighted sums, squashed, and sums of those (Rumelhart, Hinton and Williams 1986)."""

from __future__ import annotations

import torch
from torch import Tensor

from speech.backprop.activations import Sigmoid, Tanh
from speech.backprop.dropout import Dropout
from speech.backprop.linear import Linear
from speech.backprop.operation import Saved
from speech.lessons.network import first_weights


class Mlp:
    """x ``(batch, n_in)`` -> Linear -> squash -> Linear -> ``(batch, n_out)``, or ``(batch,)`` where n_out is 1.

    In training, dropout may silence inputs and hidden units: its masks are given, or None.
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
    ) -> tuple[Tensor, Saved]:
        weights = self.parameters
        x = x if mask_x is None else Dropout.forward(x, mask_x)[0]
        sums, saved_hidden = Linear.forward(x, weights["hidden.weight"], weights["hidden.bias"])
        hidden, saved_squash = self.squash.forward(sums)
        saved_dropout = None
        if mask_hidden is not None:
            hidden, saved_dropout = Dropout.forward(hidden, mask_hidden)
        y, saved_output = Linear.forward(hidden, weights["output.weight"], weights["output.bias"])
        y = y.squeeze(1) if y.shape[1] == 1 else y
        return y, (saved_hidden, saved_squash, saved_dropout, saved_output)

    def backward(self, saved: Saved, grad_y: Tensor) -> dict[str, Tensor]:
        saved_hidden, saved_squash, saved_dropout, saved_output = saved
        grad_y = grad_y.reshape(len(grad_y), -1)
        grad_hidden, grad_output_weight, grad_output_bias = Linear.backward(saved_output, grad_y)
        if saved_dropout is not None:
            grad_hidden, _ = Dropout.backward(saved_dropout, grad_hidden)
        (grad_sums,) = self.squash.backward(saved_squash, grad_hidden)
        _, grad_hidden_weight, grad_hidden_bias = Linear.backward(saved_hidden, grad_sums)
        return {
            "hidden.weight": grad_hidden_weight,
            "hidden.bias": grad_hidden_bias,
            "output.weight": grad_output_weight,
            "output.bias": grad_output_bias,
        }
