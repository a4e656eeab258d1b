"""Activation functions, one value at a time: dL/dx = dL/dy times the slope dy/dx, and each slope follows from y."""

from __future__ import annotations

import torch
from torch import Tensor

from speech.backprop.operation import Saved, require_finite


class Sigmoid:
    """y = 1 / (1 + exp(-x)).

    dy/dx = exp(-x) / (1 + exp(-x))^2 = y (1 - y), at most 1/4 (Rumelhart, Hinton and Williams 1986, equation 3).
    """

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Saved]:
        require_finite("x", x)
        y = torch.sigmoid(x)
        return y, (y,)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor]:
        (y,) = saved
        return (grad_y * y * (1 - y),)


class Tanh:
    """y = (exp(x) - exp(-x)) / (exp(x) + exp(-x)) = 2 sigmoid(2 x) - 1.

    dy/dx = 4 s (1 - s) with s = (1 + y) / 2, which is 1 - y^2.
    """

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Saved]:
        require_finite("x", x)
        y = torch.tanh(x)
        return y, (y,)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor]:
        (y,) = saved
        return (grad_y * (1 - y * y),)


class Relu:
    """y = max(x, 0): the slope is 1 where x > 0 and 0 elsewhere (at 0 too, as torch has it).

    Glorot, Bordes and Bengio 2011.
    """

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Saved]:
        require_finite("x", x)
        y = x.clamp(min=0)
        return y, (y,)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor]:
        (y,) = saved
        return (grad_y * (y > 0),)


class LogSoftmax:
    """y_k = x_k - log sum_j exp x_j over the last dimension: log-probabilities.

    With p = exp y: dy_k/dx_i = [k = i] - p_i, so  dL/dx_i = g_i - p_i sum_k g_k.
    """

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Saved]:
        require_finite("x", x)
        y = x - x.logsumexp(dim=-1, keepdim=True)
        return y, (y,)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor]:
        (y,) = saved
        return (grad_y - y.exp() * grad_y.sum(dim=-1, keepdim=True),)
