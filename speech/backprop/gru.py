"""A recurrent layer that chooses what to remember: the gated recurrent unit (GRU)."""

from __future__ import annotations

import torch
from torch import Tensor

from speech.backprop.operation import Saved, require_shape
from speech.backprop.rnn import require_recurrent, sums_over_inputs, time_major, weight_grads


class Gru:
    """Cho et al. 2014, with torch's gate order (r, z, n) and, as in torch, the reset gate after the hidden bias.

        r = sigmoid(W_r x + b_r + U_r h + c_r)          how much of the past the candidate reads
        z = sigmoid(W_z x + b_z + U_z h + c_z)          how much of the past is kept
        m = U_n h + c_n
        n = tanh(W_n x + b_n + r m)                     the candidate
        h' = (1 - z) n + z h                            h: the previous frame's state, h': this frame's

    x ``(batch, n_frames, n_in)``, weight_ih = [W_r; W_z; W_n] ``(3 n_units, n_in)``, weight_hh = [U_r; U_z; U_n]
    ``(3 n_units, n_units)``, biases ``(3 n_units,)``, outputs ``(batch, n_frames, n_units)``, first state 0.

    Backward, with d = dL/dh' (from the output and from the next frame) and the slopes of sigmoid and tanh:

        dn_sum = d (1 - z) (1 - n^2)
        dz_sum = d (h - n) z (1 - z)
        dr_sum = dn_sum m r (1 - r)
        dm     = dn_sum r
        dh     = d z + [dr_sum, dz_sum, dm] weight_hh

    Each of these gradients is d times a factor known from the forward pass, so the factors of all frames are computed
    at once, and a backward step is two products with d and one matrix product. The gradient of each weight is one
    matrix product over all frames: with [dr_sum, dz_sum, dn_sum] for weight_ih, [dr_sum, dz_sum, dm] for weight_hh.
    """

    n_gates = 3

    @staticmethod
    def forward(
        x: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor
    ) -> tuple[Tensor, Saved]:
        require_recurrent(Gru.n_gates, x, weight_ih, weight_hh, bias_ih, bias_hh)
        batch, n_frames, n_units = x.shape[0], x.shape[1], weight_hh.shape[1]
        inputs, n_rz = time_major(x), 2 * n_units
        # The sums over the inputs of all frames; r and z, and n, overwrite them.
        gates = sums_over_inputs(inputs, weight_ih[:n_rz], bias_ih[:n_rz] + bias_hh[:n_rz])
        candidates = sums_over_inputs(inputs, weight_ih[n_rz:], bias_ih[n_rz:])
        memories, states = x.new_empty(n_frames, batch, n_units), x.new_empty(n_frames + 1, batch, n_units)
        states[0] = 0
        recurrent_rz, recurrent_n, bias_n = weight_hh[:n_rz].T, weight_hh[n_rz:].T, bias_hh[n_rz:]
        frames = gates, *gates.split(n_units, dim=2), candidates, memories, states, states[1:]
        for rz, r, z, n, m, h, after in zip(*(each.unbind(0) for each in frames), strict=False):
            rz.addmm_(h, recurrent_rz).sigmoid_()
            torch.addmm(bias_n, h, recurrent_n, out=m)
            n.addcmul_(r, m).tanh_()
            torch.lerp(n, h, z, out=after)
        saved = (inputs, weight_ih, weight_hh, states, gates, candidates, memories)
        return states[1:].transpose(0, 1), saved

    @staticmethod
    def backward(saved: Saved, grad_h: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        inputs, weight_ih, weight_hh, states, gates, n, m = saved
        n_frames, batch, n_units = m.shape
        require_shape("grad_h", grad_h, batch, n_frames, n_units)
        h_before, (r, z) = states[:-1], gates.split(n_units, dim=2)
        factor_n = (1 - z).mul_(torch.addcmul(n.new_ones(()), n, n, value=-1))
        # The factors of dr_sum, dz_sum and dm, which then overwrite them; r - r^2 is r (1 - r).
        da_hh = grad_h.new_empty(n_frames, batch, 3, n_units)
        factor_r, factor_z, factor_m = da_hh.unbind(2)
        torch.mul(factor_n, m, out=factor_r).mul_(torch.addcmul(r, r, r, value=-1))
        torch.sub(h_before, n, out=factor_z).mul_(torch.addcmul(z, z, z, value=-1))
        torch.mul(factor_n, r, out=factor_m)
        errors, carried = torch.empty_like(m), grad_h.new_zeros(batch, n_units)
        frames = grad_h.transpose(0, 1), errors, da_hh, da_hh.flatten(2), z
        steps = list(zip(*(each.unbind(0) for each in frames), strict=True))
        for grad, d, da, da_row, keep in reversed(steps):
            torch.add(grad, carried, out=d)
            da.mul_(d[:, None])
            torch.mul(d, keep, out=carried).addmm_(da_row, weight_hh)
        da_n = errors.mul_(factor_n)
        return weight_grads(inputs, h_before, da_hh.flatten(2), weight_ih, weight_hh, da_n)
