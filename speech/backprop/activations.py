"""Activation functions, mostly elementwise: dL/dx = dL/dy times the slope dy/dx, and each slope follows from y."""

from __future__ import annotations

import torch
from torch import Tensor

from speech.backprop.operation import Saved, require_real, require_shape


class Sigmoid:
    """y = 1 / (1 + exp(-x)).

    dy/dx = exp(-x) / (1 + exp(-x))^2 = y (1 - y), at most 1/4 (Rumelhart, Hinton and Williams 1986, equation 5).
    """

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Saved]:
        require_real("x", x)
        y = torch.sigmoid(x)
        return y, (y,)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor]:
        (y,) = saved
        require_shape("grad_y", grad_y, *y.shape)
        return (grad_y * y * (1 - y),)


class Tanh:
    """y = (exp(x) - exp(-x)) / (exp(x) + exp(-x)) = 2 sigmoid(2 x) - 1.

    (Not computed in the second form: near 0 that is a difference of two numbers near 1, which loses the digits of x.)
    dy/dx = 4 s (1 - s) with s = (1 + y) / 2, which is 1 - y^2.
    """

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Saved]:
        require_real("x", x)
        y = torch.tanh(x)
        return y, (y,)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor]:
        (y,) = saved
        require_shape("grad_y", grad_y, *y.shape)
        return (grad_y * (1 - y * y),)


class Relu:
    """y = max(x, 0): the slope is 1 where x > 0 and 0 elsewhere (also at 0, as in torch).

    Glorot, Bordes and Bengio 2011.
    """

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Saved]:
        require_real("x", x)
        y = x.clamp(min=0)
        return y, (y,)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor]:
        (y,) = saved
        require_shape("grad_y", grad_y, *y.shape)
        return (grad_y * (y > 0),)


class LogSoftmax:
    """y_k = x_k - log sum_j exp x_j over the last dimension: log-probabilities.

    With m the largest x, y_k = (x_k - m) - log sum_j exp(x_j - m). This is the same number, but no exponential
    overflows, and logits near 10 000 keep the digits in which they differ (in float32, 10 000 has only three decimals).
    With p = exp y: dy_k/dx_i = [k = i] - p_i, so  dL/dx_i = g_i - p_i sum_k g_k.
    """

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Saved]:
        require_real("x", x)
        below = x - x.detach().amax(dim=-1, keepdim=True)  # any m gives the same y: none enters the derivative
        y = below - below.exp().sum(dim=-1, keepdim=True).log()
        return y, (y,)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor]:
        (y,) = saved
        require_shape("grad_y", grad_y, *y.shape)
        return (grad_y - y.exp() * grad_y.sum(dim=-1, keepdim=True),)
