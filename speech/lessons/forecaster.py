"""A network that reads a series year by year and says, at each, what comes next."""

from __future__ import annotations

import torch
from torch import Tensor

from speech.backprop.gru import Gru
from speech.backprop.linear import Linear
from speech.backprop.operation import Saved
from speech.lessons.network import first_weights

RECURRENT = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class Forecaster:
    """A series ``(batch, n_frames)`` -> GRU -> Linear -> ``(batch, n_frames)``: at each frame, what the next will be."""

    def __init__(self, n_units: int, generator: torch.Generator):
        n_sums = Gru.n_gates * n_units
        sizes: dict[str, tuple[int, ...]] = dict(
            zip(RECURRENT, ((n_sums, 1), (n_sums, n_units), (n_sums,), (n_sums,)), strict=True)
        )
        sizes |= {"output.weight": (1, n_units), "output.bias": (1,)}
        self.parameters = first_weights(sizes, n_units, generator)

    def forward(self, series: Tensor) -> tuple[Tensor, Saved]:
        weights = self.parameters
        states, saved_states = Gru.forward(series[..., None], *(weights[name] for name in RECURRENT))
        y, saved_output = Linear.forward(states, weights["output.weight"], weights["output.bias"])
        return y.squeeze(2), (saved_states, saved_output)

    def backward(self, saved: Saved, grad_y: Tensor) -> dict[str, Tensor]:
        saved_states, saved_output = saved
        grad_states, grad_output_weight, grad_output_bias = Linear.backward(saved_output, grad_y[..., None])
        _, *grad_recurrent, _ = Gru.backward(saved_states, grad_states)
        grads = dict(zip(RECURRENT, grad_recurrent, strict=True))
        return grads | {"output.weight": grad_output_weight, "output.bias": grad_output_bias}
