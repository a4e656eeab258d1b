"""Convolution along the frames: a weighted sum over a sliding window."""

from __future__ import annotations

import torch
from torch import Tensor

from speech.backprop.operation import InputError, Saved, require_precision, require_real, require_shape
from speech.common.counting import counted


class Convolution:
    """y[b, t, o] = bias[o] + sum over i, k of W[o, i, k] x[b, stride t + k - padding, i]; x is 0 outside of its frames.

    x ``(batch, n_frames, n_in)``, W ``(n_out, n_in, kernel)``, bias ``(n_out,)``, y ``(batch, n_frames', n_out)`` with
    n_frames' = (n_frames + 2 padding - kernel) // stride + 1 (LeCun et al. 1989, in one dimension). It is a Linear
    applied to windows, so with g = dL/dy:

        dL/dW[o, i, k] = sum over b, t of g[b, t, o] x[b, stride t + k - padding, i]
        dL/dbias[o]    = sum over b, t of g[b, t, o]
        dL/dx[b, s, i] = sum over o and all t, k with stride t + k - padding = s of g[b, t, o] W[o, i, k]
    """

    @staticmethod
    def forward(x: Tensor, stride: int, padding: int, weight: Tensor, bias: Tensor) -> tuple[Tensor, Saved]:
        require_shape("weight", weight, None, None, None)
        n_out, n_in, kernel = weight.shape
        require_shape("x", x, None, None, n_in)
        require_shape("bias", bias, n_out)
        require_precision("weight", weight)
        require_precision("bias", bias)
        require_real("x", x)
        if stride < 1 or padding < 0:
            raise InputError(f"stride is {stride} and padding {padding}, and at least 1 and 0 are needed")
        if x.shape[1] + 2 * padding < kernel:
            raise InputError(f"x has {counted(x.shape[1], 'frame')}, too few for kernel {kernel} and padding {padding}")
        padded = torch.constant_pad_nd(x, [0, 0, padding, padding])
        windows = padded.unfold(1, kernel, stride)  # (batch, n_frames', n_in, kernel), a view
        rows = windows.reshape(-1, n_in * kernel)
        y = torch.addmm(bias, rows, weight.reshape(n_out, -1).T)
        return y.view(len(x), windows.shape[1], n_out), (rows, weight, padded.shape, stride, padding)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor, None, None, Tensor, Tensor]:
        rows, weight, padded_shape, stride, padding = saved
        n_out, _, kernel = weight.shape
        n_frames = (padded_shape[1] - kernel) // stride + 1
        require_shape("grad_y", grad_y, padded_shape[0], n_frames, n_out)
        grad_rows = grad_y.reshape(-1, n_out)
        grad_padded = grad_y.new_zeros(padded_shape)
        span = (n_frames - 1) * stride + 1
        for k in range(kernel):
            grad_padded[:, k : k + span : stride] += grad_y @ weight[:, :, k]
        grad_x = grad_padded[:, padding : padded_shape[1] - padding]
        return grad_x, None, None, (grad_rows.T @ rows).view(weight.shape), grad_rows.sum(dim=0)
