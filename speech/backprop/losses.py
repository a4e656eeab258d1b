"""Losses: one number each, the mean over the batch.

The cross-entropies take logits, not probabilities: the slopes of the activation and the logarithm then cancel, and even
a confident mistake has a gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor

from speech.backprop.activations import LogSoftmax
from speech.backprop.operation import InputError, Saved, require_indices, require_real, require_shape


class SoftmaxCrossEntropy:
    """L = -1/N sum_n log p[n, target n], where p = softmax of logits ``(N, n_classes)``; targets int ``(N,)``.

    -log p_t = log sum_j exp z_j - z_t, so  dL/dz[n, k] = (p[n, k] - [k = target n]) / N  (Bridle 1990).
    """

    @staticmethod
    def forward(logits: Tensor, targets: Tensor) -> tuple[Tensor, Saved]:
        require_shape("logits", logits, None, None)
        require_shape("targets", targets, logits.shape[0])
        require_indices("targets", targets, logits.shape[1])
        require_real("logits", logits)
        log_probs, _ = LogSoftmax.forward(logits)
        return -log_probs.gather(1, targets[:, None]).mean(), (log_probs, targets)

    @staticmethod
    def backward(saved: Saved, grad_loss: Tensor) -> tuple[Tensor, None]:
        log_probs, targets = saved
        require_shape("grad_loss", grad_loss)
        one_hot = torch.zeros_like(log_probs).scatter(1, targets[:, None], 1.0)
        return grad_loss * (log_probs.exp() - one_hot) / len(targets), None


class BinaryCrossEntropy:
    """L = -1/N sum_n [t log p + (1 - t) log(1 - p)], where p = sigmoid of logits ``(N,)``; targets in 0 to 1 ``(N,)``.

    log p = -log(1 + e^-z) and log(1 - p) = log p - z, so  -[...] = log(1 + e^-z) + (1 - t) z, written below so that
    no exponential overflows, and  dL/dz = (p - t) / N.
    """

    @staticmethod
    def forward(logits: Tensor, targets: Tensor) -> tuple[Tensor, Saved]:
        require_shape("logits", logits, None)
        require_shape("targets", targets, logits.shape[0])
        require_real("logits", logits)
        if targets.numel() and not 0 <= float(targets.min()) <= float(targets.max()) <= 1:
            raise InputError(f"targets hold {float(targets.min())} to {float(targets.max())}, and 0 to 1 is needed")
        # log(1 + e^-z) + (1 - t) z = max(z, 0) - t z + log(1 + e^-|z|)
        losses = logits.clamp(min=0) - targets * logits + torch.log1p(torch.exp(-logits.abs()))
        return losses.mean(), (logits, targets)

    @staticmethod
    def backward(saved: Saved, grad_loss: Tensor) -> tuple[Tensor, None]:
        logits, targets = saved
        require_shape("grad_loss", grad_loss)
        return grad_loss * (torch.sigmoid(logits) - targets) / len(targets), None


class MeanSquaredError:
    """L = 1/N sum (y - t)^2 over all N elements of y and t, which have one shape.  dL/dy = 2 (y - t) / N."""

    @staticmethod
    def forward(y: Tensor, target: Tensor) -> tuple[Tensor, Saved]:
        require_shape("target", target, *y.shape)
        require_real("y", y)
        require_real("target", target)
        error = y - target
        return error.square().mean(), (error,)

    @staticmethod
    def backward(saved: Saved, grad_loss: Tensor) -> tuple[Tensor, None]:
        (error,) = saved
        require_shape("grad_loss", grad_loss)
        return grad_loss * 2 * error / error.numel(), None
