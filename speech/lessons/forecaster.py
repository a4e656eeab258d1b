"""A network that reads a series value by value and forecasts each next value."""

from __future__ import annotations

import torch
from torch import Tensor

from speech.backprop.gru import Gru
from speech.backprop.linear import Linear
from speech.backprop.operation import Saved
from speech.lessons.network import first_weights

RECURRENT = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class Forecaster:
    """A series ``(batch, n_frames)`` -> GRU, and the latest values themselves -> Linear -> ``(batch, n_frames)``.

    The forecast is a weighted sum of the GRU's ``n_units`` states and of the last ``n_past`` values (0, the mean,
    before the first). The states are between -1 and 1 and add the non-linear part; through the values, a forecast can
    leave the range of the training data.
    """

    def __init__(self, n_units: int, n_past: int, generator: torch.Generator):
        self.n_units, self.n_past = n_units, n_past
        n_sums, n_in = Gru.n_gates * n_units, n_units + n_past
        shapes = ((n_sums, 1), (n_sums, n_units), (n_sums,), (n_sums,))
        self.parameters = first_weights(dict(zip(RECURRENT, shapes, strict=True)), n_units, generator)
        self.parameters |= first_weights({"output.weight": (1, n_in), "output.bias": (1,)}, n_in, generator)

    def forward(self, series: Tensor) -> tuple[Tensor, Saved]:
        weights = self.parameters
        weight_ih, weight_hh, bias_ih, bias_hh = (weights[name] for name in RECURRENT)
        states, saved_states = Gru.forward(series[..., None], weight_ih, weight_hh, bias_ih, bias_hh)
        before = series.new_zeros(len(series), self.n_past - 1)
        past = torch.cat([before, series], dim=1).unfold(1, self.n_past, 1)  # (batch, n_frames, n_past), newest last
        sums, saved_output = Linear.forward(
            torch.cat([states, past], dim=2), weights["output.weight"], weights["output.bias"]
        )
        return sums.squeeze(2), (saved_states, saved_output)

    def backward(self, saved: Saved, grad_y: Tensor) -> dict[str, Tensor]:
        saved_states, saved_output = saved
        grad_inputs, grad_output_weight, grad_output_bias = Linear.backward(saved_output, grad_y[..., None])
        _, *grad_recurrent = Gru.backward(saved_states, grad_inputs[..., : self.n_units])
        grads = dict(zip(RECURRENT, grad_recurrent, strict=True))
        return grads | {"output.weight": grad_output_weight, "output.bias": grad_output_bias}
