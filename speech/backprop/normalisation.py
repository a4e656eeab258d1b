"""Mean 0 and deviation 1: of a frame's units (layer normalisation), and of a coefficient over a clip's frames.

Both subtract a mean and divide by a deviation. Let xh = (x - mean) / s, with means over N values, and g = dL/dxh.
x changes xh directly, through the mean, and through s: ds/dx_i = xh_i / N, so

    dL/dx_i = (g_i - mean(g) - xh_i mean(g xh)) / s

(Ioffe and Szegedy 2015, with the means taken over other axes.)
"""

from __future__ import annotations

import torch
from torch import Tensor

from speech.backprop.frames import frame_mask
from speech.backprop.operation import (
    Saved,
    require_last,
    require_lengths,
    require_precision,
    require_real,
    require_shape,
)

EPS = 1e-5  # torch's: added to the variance


class LayerNorm:
    """y = weight xh + bias over the last dimension: s = sqrt(mean((x - mean)^2) + EPS)  (Ba, Kiros and Hinton 2016).

    x ``(..., n)``, weight and bias ``(n,)``. With g_y = dL/dy: dL/dweight = sum g_y xh and dL/dbias = sum g_y over all
    rows, and g = g_y weight.
    """

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Saved]:
        require_shape("weight", weight, None)
        require_last("x", x, len(weight))
        require_shape("bias", bias, len(weight))
        require_precision("weight", weight)
        require_precision("bias", bias)
        require_real("x", x)
        variance, mean = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
        one_over_s = (variance + EPS).rsqrt()
        xh = (x - mean) * one_over_s
        return xh * weight + bias, (xh, one_over_s, weight)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        xh, one_over_s, weight = saved
        require_shape("grad_y", grad_y, *xh.shape)
        grad_xh = grad_y * weight
        along = (grad_xh * xh).mean(dim=-1, keepdim=True)
        grad_x = (grad_xh - grad_xh.mean(dim=-1, keepdim=True) - xh * along) * one_over_s
        rows = grad_y.flatten(0, -2)
        return grad_x, (rows * xh.flatten(0, -2)).sum(dim=0), rows.sum(dim=0)


class ClipNorm:
    """Normalises each coefficient over a clip's own frames and ``n_prior_frames`` more of mean ``prior_mean`` and
    deviation ``prior_deviation``: s = max(sqrt(mean((x - mean)^2)), least).

    The prior frames stand for typical speech: a clip of one vowel, minus its own mean alone, would be nearly 0. (Kaldi
    likewise adds statistics of the training data to a recording's first frames: Povey et al. 2011.) They do not depend
    on x: in dL/dx they count in N, and their g is 0.

    x ``(batch, n_frames, n)``, ``n_frames`` int ``(batch,)``, prior_mean and prior_deviation ``(n,)``; beyond a clip's
    frames y is 0 and its gradient is ignored. Where s is held at ``least`` it does not depend on x, and the last term
    of dL/dx is left out.
    """

    @staticmethod
    def forward(
        x: Tensor, n_frames: Tensor, prior_mean: Tensor, prior_deviation: Tensor, n_prior_frames: float, least: float
    ) -> tuple[Tensor, Saved]:
        require_shape("x", x, None, None, None)
        require_lengths("n_frames", n_frames, x.shape[0], x.shape[1])
        require_real("x", x)
        require_shape("prior_mean", prior_mean, x.shape[2])
        require_shape("prior_deviation", prior_deviation, x.shape[2])
        mask, count = frame_mask(n_frames, x.shape[1])[..., None], n_frames[:, None, None] + n_prior_frames
        mean = ((x * mask).sum(dim=1, keepdim=True) + n_prior_frames * prior_mean) / count
        centred = (x - mean) * mask
        common = prior_deviation.square() + (prior_mean - mean).square()
        variance = (centred.square().sum(dim=1, keepdim=True) + n_prior_frames * common) / count
        moves = variance > least * least
        s = torch.where(moves, variance, least * least).sqrt()
        y = centred / s
        return y, (y, s, moves, mask, count)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor, None, None, None, None, None]:
        y, s, moves, mask, count = saved
        require_shape("grad_y", grad_y, *y.shape)
        grad_y = grad_y * mask
        mean = grad_y.sum(dim=1, keepdim=True) / count
        along = (grad_y * y).sum(dim=1, keepdim=True) / count
        return (grad_y - mean - y * along * moves) * mask / s, None, None, None, None, None
