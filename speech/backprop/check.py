"""Is a gradient right? Two checks that do not depend on its derivation.

Central differences need only the forward pass: (L(w + h) - L(w - h)) / 2h is dL/dw up to a truncation error of order
h^2 and a rounding error of order 1/h (in float64, with h = 1e-6, about 1e-9 of the loss).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

STEP = 1e-6


class Miss(AssertionError):
    """A gradient differs from the derivative."""


class Compared(NamedTuple):
    """The largest difference between two gradients of ``name``, relative to the largest value of either."""

    name: str
    n_values: int
    error: float


def relative_error(ours: Tensor, theirs: Tensor) -> float:
    """max |a - b| / max(|a|, |b|); 0 if both are 0 throughout. Shapes must be equal; NaN counts as infinite."""
    if ours.shape != theirs.shape:
        raise Miss(f"shapes differ: {tuple(ours.shape)} and {tuple(theirs.shape)}")
    if not ours.numel():
        return 0.0
    largest = max(float(ours.abs().max()), float(theirs.abs().max()))
    error = float((ours - theirs).abs().max()) / largest if largest else 0.0
    return error if error == error else float("inf")


def central_differences(loss: Callable[[], Tensor], x: Tensor, at: Tensor | None = None, step: float = STEP) -> Tensor:
    """dL/dx by central differences, for a float64 ``x`` that ``loss`` reads; ``x`` is changed and restored.

    ``at`` are positions in ``x.flatten()``, by default all of them. Returns ``(len(at),)``.
    """
    if x.dtype != torch.float64:
        raise Miss(f"central differences need float64, not {x.dtype}: rounding would drown them")
    flat = x.detach().view(-1)
    at = torch.arange(len(flat)) if at is None else at
    slopes = []
    for i in at.tolist():
        middle = float(flat[i])
        ends = []
        for moved in (middle + step, middle - step):
            flat[i] = moved
            ends.append(float(loss()))
        flat[i] = middle
        slopes.append((ends[0] - ends[1]) / (2 * step))
    return torch.tensor(slopes, dtype=torch.float64)


def compare_with_differences(
    loss: Callable[[], Tensor],
    tensors: Mapping[str, Tensor],
    grads: Mapping[str, Tensor],
    n_values: int = 8,
    step: float = STEP,
) -> list[Compared]:
    """Compare ``grads`` with central differences of ``loss`` at ``n_values`` random positions of each of ``tensors``.

    Errors are relative to the largest gradient of their tensor, so that a slope of 0 may differ by rounding, too.
    """
    generator = torch.Generator().manual_seed(0)
    found = []
    for name, x in tensors.items():
        at = torch.randperm(x.numel(), generator=generator)[:n_values]
        differences = central_differences(loss, x, at, step)
        grad = grads[name].reshape(-1)
        largest = max(float(grad.abs().max()), float(differences.abs().max()), 1e-8)
        error = float((grad[at] - differences).abs().max()) / largest
        found.append(Compared(name, len(at), error if error == error else float("inf")))
    return found


def require_close(compared: list[Compared], tolerance: float = 1e-5) -> None:
    """Raise Miss, naming the worst gradient, if its error is larger than ``tolerance``."""
    worst = max(compared, key=lambda one: one.error)
    if not worst.error <= tolerance:
        raise Miss(f"the gradient of {worst.name} is off by {worst.error:.1e} (relative); {tolerance:.0e} is allowed")
