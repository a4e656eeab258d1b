"""Dropout with a given mask."""

from __future__ import annotations

from torch import Tensor

from speech.backprop.operation import Saved, require_real, require_shape


class Dropout:
    """y = m x, where the mask m (same shape) is 0 for dropped units and 1 / (1 - rate) for the others.

    The mask is an input, so that another implementation can be given the same one. dL/dx = m g.
    Srivastava et al. 2014, but with the scaling in training instead of at test time.
    """

    @staticmethod
    def forward(x: Tensor, mask: Tensor) -> tuple[Tensor, Saved]:
        require_shape("mask", mask, *x.shape)
        require_real("x", x)
        return x * mask, (mask,)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor, None]:
        (mask,) = saved
        require_shape("grad_y", grad_y, *mask.shape)
        return grad_y * mask, None
