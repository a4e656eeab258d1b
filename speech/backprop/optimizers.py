"""Gradient clipping and optimisers, which update the weights in place.

Parameters and gradients are dictionaries by name. ``state`` is an optimiser's memory between steps: empty at first, and
only of tensors, so that it can be saved.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from speech.backprop.operation import InputError

Tensors = Mapping[str, Tensor]
State = dict[str, dict[str, Tensor]]


def clip_norm(grads: Tensors, largest: float) -> float:
    """Scale all gradients together so that their Euclidean norm is at most ``largest``; returns the norm before.

    g <- g min(1, largest / (|g| + 1e-6)), as in torch (Pascanu, Mikolov and Bengio 2013, algorithm 1).
    """
    norm = float(torch.stack([grad.square().sum() for grad in grads.values()]).sum().sqrt()) if grads else 0.0
    scale = largest / (norm + 1e-6)
    if not scale >= 1:  # a norm of NaN makes every gradient NaN, as in torch, so that the failure shows
        for grad in grads.values():
            grad *= scale
    return norm


def sgd(parameters: Tensors, grads: Tensors, rate: float) -> None:
    """Plain gradient descent: w <- w - rate g."""
    for name, weight in _matched(parameters, grads):
        weight -= rate * grads[name]


def adamw(
    parameters: Tensors,
    grads: Tensors,
    state: State,
    rate: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> None:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2; Kingma and Ba 2015).

    w <- w - rate decay w
    m <- b1 m + (1 - b1) g,    v <- b2 v + (1 - b2) g^2            running means of the gradient and its square
    w <- w - rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)  the divisors correct for both starting at 0
    """
    for name, weight in _matched(parameters, grads):
        memory = state.get(name)
        if memory is None:
            zeros = torch.zeros_like
            memory = state[name] = {"step": torch.zeros(()), "mean": zeros(weight), "square": zeros(weight)}
        memory["step"] += 1
        step, grad = float(memory["step"]), grads[name]
        weight *= 1 - rate * weight_decay
        memory["mean"].mul_(betas[0]).add_(grad, alpha=1 - betas[0])
        memory["square"].mul_(betas[1]).addcmul_(grad, grad, value=1 - betas[1])
        deviation = (memory["square"] / (1 - betas[1] ** step)).sqrt_().add_(eps)
        weight.addcdiv_(memory["mean"], deviation, value=-rate / (1 - betas[0] ** step))


def _matched(parameters: Tensors, grads: Tensors) -> list[tuple[str, Tensor]]:
    missing = sorted(set(grads) ^ set(parameters))
    if missing:
        raise InputError(f"parameters and grads do not hold the same names: {', '.join(missing)}")
    return list(parameters.items())
