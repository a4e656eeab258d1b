"""Common to all networks here: gradients by hand and their check, initial weights, batches and masks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from speech.backprop.chain import Chain
from speech.backprop.check import compare_with_differences, require_close
from speech.backprop.linear import Linear
from speech.backprop.operation import Operation

N_CHECKED = 64  # values of each weight tensor whose gradients are compared with central differences


class Network(Protocol):
    """Weights by name, and the two functions of an operation; ``backward`` gives a gradient for each weight.

    ``saved`` is whatever ``backward`` needs: for a sequence of operations, the ``Chain``.
    """

    parameters: dict[str, Tensor]

    def forward(self, *inputs: Any) -> tuple[Tensor, Any]: ...

    def backward(self, saved: Any, grad_outputs: Tensor) -> dict[str, Tensor]: ...


def linear(chain: Chain, name: str, x: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
    """Add a step to ``chain``: the Linear with ``name.weight`` and ``name.bias``."""
    names = f"{name}.weight", f"{name}.bias"
    return chain.step(name, Linear, x, *(weights[each] for each in names), names=names)


def loss_and_grads(
    network: Network, loss: type[Operation], inputs: tuple[Any, ...], targets: Tensor
) -> tuple[float, dict[str, Tensor]]:
    """The loss of ``network(*inputs)`` against ``targets``, and its derivative with respect to each weight."""
    outputs, saved = network.forward(*inputs)
    value, saved_loss = loss.forward(outputs, targets)
    grad_outputs = loss.backward(saved_loss, torch.ones_like(value))[0]
    assert grad_outputs is not None
    return float(value), network.backward(saved, grad_outputs)


def check_gradients(network: Network, loss: type[Operation], inputs: tuple[Any, ...], targets: Tensor) -> float:
    """Compare each gradient with central differences; returns the largest relative error.

    Raises Miss, naming the weights, if a gradient is not the derivative.
    """

    def again() -> Tensor:
        return loss.forward(network.forward(*inputs)[0], targets)[0]

    _, grads = loss_and_grads(network, loss, inputs, targets)
    compared = compare_with_differences(again, network.parameters, grads, N_CHECKED)
    require_close(compared)
    return max(one.error for one in compared)


def first_weights(sizes: Mapping[str, tuple[int, ...]], n_in: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Float64 tensors, uniform in +-1 / sqrt(n_in): small, so that no unit is saturated; random, so that all differ."""
    scale = n_in**-0.5
    return {
        name: (2 * torch.rand(size, generator=generator, dtype=torch.float64) - 1) * scale
        for name, size in sizes.items()
    }


def batches(n: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """All of 0 to ``n - 1`` in random order, ``size`` at a time."""
    yield from torch.randperm(n, generator=generator).split(size)


def dropout_mask(shape: tuple[int, ...], rate: float, generator: torch.Generator) -> Tensor:
    """A mask for Dropout: 0 with probability ``rate``, else 1 / (1 - rate)."""
    kept = torch.rand(shape, generator=generator, dtype=torch.float64) >= rate
    return kept / (1 - rate)


def falling(rate: float, done: float) -> float:
    """Cosine decay: from ``rate`` (``done`` 0) to 0 (``done`` 1) along half a cosine; the last steps are small."""
    return rate * (1 + math.cos(math.pi * done)) / 2
