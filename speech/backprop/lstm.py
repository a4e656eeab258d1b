"""A recurrent layer with a memory that gradients can pass without decay: long short-term memory (LSTM)."""

from __future__ import annotations

import torch
from torch import Tensor

from speech.backprop.operation import Saved, require_shape
from speech.backprop.rnn import require_recurrent, sums_over_inputs, time_major, weight_grads


class Lstm:
    """Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000; gates in torch's order (i, f, g, o).

        i, f, o = sigmoid(W x + b + U h + c)            write, keep, read
        g       = tanh(W x + b + U h + c)               what is written
        c' = f c + i g                                  the memory; c: the previous frame's, c': this frame's
        h' = o tanh(c')

    x ``(batch, n_frames, n_in)``, weight_ih ``(4 n_units, n_in)``, weight_hh ``(4 n_units, n_units)``, biases
    ``(4 n_units,)``, outputs ``(batch, n_frames, n_units)``, first state and memory 0.

    Backward, with d = dL/dh' and e = dL/dc' (both from this frame's output and from the next frame):

        e      += d o (1 - tanh(c')^2)
        di_sum  = e g i (1 - i)
        df_sum  = e c f (1 - f)
        dg_sum  = e i (1 - g^2)
        do_sum  = d tanh(c') o (1 - o)
        dc      = e f                                   no weight and no activation in between, only f
        dh      = [di_sum, df_sum, dg_sum, do_sum] weight_hh

    As in gru.py, the factors of e and d are computed for all frames at once.
    """

    n_gates = 4

    @staticmethod
    def forward(
        x: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor
    ) -> tuple[Tensor, Saved]:
        require_recurrent(Lstm.n_gates, x, weight_ih, weight_hh, bias_ih, bias_hh)
        batch, n_frames, n_units = x.shape[0], x.shape[1], weight_hh.shape[1]
        inputs = time_major(x)
        gates = sums_over_inputs(inputs, weight_ih, bias_ih + bias_hh)  # i, f, g, o overwrite them
        states, memories = (x.new_empty(n_frames + 1, batch, n_units) for _ in range(2))
        states[0] = memories[0] = 0
        for t in range(n_frames):
            a = gates[t].addmm_(states[t], weight_hh.T)
            i, f, g, o = a.split(n_units, dim=1)
            a[:, : 2 * n_units].sigmoid_()  # i and f at once
            g.tanh_()
            o.sigmoid_()
            c = torch.mul(f, memories[t], out=memories[t + 1]).addcmul_(i, g)
            torch.tanh(c, out=states[t + 1]).mul_(o)
        return states[1:].transpose(0, 1), (inputs, weight_ih, weight_hh, states, memories, gates)

    @staticmethod
    def backward(saved: Saved, grad_h: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        inputs, weight_ih, weight_hh, states, memories, gates = saved
        n_frames, batch, n_units = len(gates), gates.shape[1], weight_hh.shape[1]
        require_shape("grad_h", grad_h, batch, n_frames, n_units)
        i, f, g, o = gates.split(n_units, dim=2)
        read = memories[1:].tanh()
        to_memory = (1 - read * read).mul_(o)
        # The factors of the four sums' gradients, which then overwrite them.
        da = grad_h.new_empty(n_frames, batch, 4, n_units)
        factor_i, factor_f, factor_g, factor_o = da.unbind(2)
        torch.mul(g, i, out=factor_i).mul_(1 - i)
        torch.mul(memories[:-1], f, out=factor_f).mul_(1 - f)
        torch.mul(i, 1 - g * g, out=factor_g)
        torch.mul(read, o, out=factor_o).mul_(1 - o)
        grads = grad_h.transpose(0, 1)
        d, e = (grad_h.new_zeros(batch, n_units) for _ in range(2))
        for t in reversed(range(n_frames)):
            d.add_(grads[t])
            e.addcmul_(d, to_memory[t])
            da[t, :, :3].mul_(e[:, None])
            da[t, :, 3].mul_(d)
            torch.mm(da[t].view(batch, 4 * n_units), weight_hh, out=d)
            e.mul_(f[t])
        return weight_grads(inputs, states[:-1], da.flatten(2), weight_ih, weight_hh)
