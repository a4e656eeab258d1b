"""A layer with memory: Elman's network, and backpropagation through time."""

from __future__ import annotations

import torch
from torch import Tensor

from speech.backprop.operation import InputError, Saved, require_precision, require_real, require_shape


class Rnn:
    """h[t] = tanh(a[t]),  a[t] = W x[t] + b + U h[t-1] + c,  h[-1] = 0  (Elman 1990).

    x ``(batch, n_frames, n_in)``, W ``(n_units, n_in)``, U ``(n_units, n_units)``, b and c ``(n_units,)``, outputs h
    ``(batch, n_frames, n_units)``. Unrolled, it is a deep network with one layer per frame, all with the same weights
    (Werbos 1990). h[t] reaches the loss in two ways: as the output of frame t, and through a[t+1]. So, from the last
    frame to the first, with g[t] = dL/dh[t] through the output alone:

        dh[t] = g[t] + da[t+1] U              the gradient from both ways
        da[t] = dh[t] (1 - h[t]^2)            through tanh
        dW = sum_t da[t]^T x[t]    dU = sum_t da[t]^T h[t-1]    db = dc = sum_t da[t]    dx[t] = da[t] W

    An example on paper, with one input, two units, two frames: W = (1, 0)^T, U = [[0, 0], [1, 0]] (unit 2 reads unit 1
    a frame later), b = c = 0, x = 0.5, 0, and L = h2[1]. Then h1[0] = tanh 0.5 = 0.4621, h2[0] = 0, h1[1] = 0,
    h2[1] = tanh 0.4621 = 0.4318. Backward: da[1] = (0, 1 - 0.4318^2) = (0, 0.8135);
    da[0] = (0.8135 (1 - 0.4621^2), 0) = (0.6398, 0); so dx[0] = 0.6398,
    dW = 0.5 (0.6398, 0)^T = (0.3199, 0)^T, and dU[2, 1] = 0.8135 * 0.4621 = 0.3760.
    (Four digits of each are shown; the computation keeps all.)
    """

    n_gates = 1

    @staticmethod
    def forward(
        x: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor
    ) -> tuple[Tensor, Saved]:
        require_recurrent(Rnn.n_gates, x, weight_ih, weight_hh, bias_ih, bias_hh)
        batch, n_frames, n_units = x.shape[0], x.shape[1], weight_hh.shape[1]
        inputs = time_major(x)
        sums = sums_over_inputs(inputs, weight_ih, bias_ih + bias_hh)
        states = x.new_empty(n_frames + 1, batch, n_units)
        states[0] = 0
        for a, h, after in zip(sums, states, states[1:], strict=False):
            torch.addmm(a, h, weight_hh.T, out=after).tanh_()
        return states[1:].transpose(0, 1), (inputs, weight_ih, weight_hh, states)

    @staticmethod
    def backward(saved: Saved, grad_h: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        inputs, weight_ih, weight_hh, states = saved
        require_shape("grad_h", grad_h, states.shape[1], len(states) - 1, states.shape[2])
        da = 1 - states[1:] * states[1:]  # the slopes; the gradients of the sums overwrite them
        grads, carried = grad_h.transpose(0, 1), torch.zeros_like(states[0])
        for t in reversed(range(len(da))):
            da[t].mul_(carried.add_(grads[t]))
            torch.mm(da[t], weight_hh, out=carried)
        return weight_grads(inputs, states[:-1], da, weight_ih, weight_hh)


def require_recurrent(
    n_gates: int,
    x: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor,
    bias_hh: Tensor,
) -> None:
    """Raise InputError for inconsistent shapes, NaN in ``x``, or no frames."""
    require_shape("x", x, None, None, None)
    require_shape("weight_hh", weight_hh, None, None)
    n_units = weight_hh.shape[1]
    require_shape("weight_hh", weight_hh, n_gates * n_units, n_units)
    require_shape("weight_ih", weight_ih, n_gates * n_units, x.shape[2])
    require_shape("bias_ih", bias_ih, n_gates * n_units)
    require_shape("bias_hh", bias_hh, n_gates * n_units)
    of = {"weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh}
    for name, tensor in of.items():
        require_precision(name, tensor)
    if x.shape[1] == 0:
        raise InputError("x has no frames; at least one is needed")
    require_real("x", x)


def time_major(x: Tensor) -> Tensor:
    """``(batch, n_frames, n)`` as contiguous ``(n_frames, batch, n)``, so that each step reads one block of memory."""
    return x.transpose(0, 1).contiguous()


def sums_over_inputs(inputs: Tensor, weight_ih: Tensor, bias: Tensor) -> Tensor:
    """W x + b for all frames in one product: ``(n_frames, batch, n_sums)``."""
    sums = torch.addmm(bias, inputs.flatten(0, 1), weight_ih.T)
    return sums.view(*inputs.shape[:2], len(bias))


def weight_grads(
    inputs: Tensor,
    h_before: Tensor,
    da: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    da_ih_last: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """grad_x, grad_weight_ih, grad_weight_hh, grad_bias_ih, grad_bias_hh, each computed over all frames at once.

    ``inputs`` ``(n_frames, batch, n_in)``; ``h_before``, the state before each step; ``da`` ``(n_frames, batch,
    n_sums)``, the gradient of the sums. ``da_ih_last`` is the gradient of the last gate's sum over the input if it
    differs from that of its sum over the state (the GRU's candidate).
    """
    rows, inputs_rows, n_units = da.flatten(0, 1), inputs.flatten(0, 1), weight_hh.shape[1]
    grad_hh, grad_bias_hh = rows.T @ h_before.flatten(0, 1), rows.sum(dim=0)
    if da_ih_last is None:
        # A copy: otherwise scaling the gradients in place would scale this one twice.
        grad_x, grad_ih, grad_bias_ih = rows @ weight_ih, rows.T @ inputs_rows, grad_bias_hh.clone()
    else:
        first, last = rows[:, :-n_units], da_ih_last.flatten(0, 1)
        grad_x = (first @ weight_ih[:-n_units]).addmm_(last, weight_ih[-n_units:])
        grad_ih = torch.cat([first.T @ inputs_rows, last.T @ inputs_rows])
        grad_bias_ih = torch.cat([grad_bias_hh[:-n_units], last.sum(dim=0)])
    return grad_x.view(*da.shape[:2], -1).transpose(0, 1), grad_ih, grad_hh, grad_bias_ih, grad_bias_hh
