"""The protocol of an operation, and the checks of its inputs."""

from __future__ import annotations

import math
from typing import Any, Protocol

import torch
from torch import Tensor

from speech.common.counting import counted

Saved = tuple[Any, ...]
Grads = tuple[Tensor | None, ...]


class Operation(Protocol):
    """A differentiable step: ``forward``, and the ``backward`` that the class's docstring derives."""

    @staticmethod
    def forward(*inputs: Any) -> tuple[Tensor, Saved]: ...

    @staticmethod
    def backward(saved: Saved, grad_output: Tensor, /) -> Grads: ...


class InputError(ValueError):
    """An input would give a wrong gradient; the message names the argument, its value and what is needed."""


def require_shape(name: str, tensor: Tensor, *sizes: int | None) -> None:
    """Raise InputError unless ``tensor`` has the shape ``sizes``; None stands for any size."""
    given = tuple(tensor.shape)
    if len(given) != len(sizes) or any(want not in (None, have) for want, have in zip(sizes, given, strict=True)):
        wanted = ", ".join("any" if size is None else str(size) for size in sizes)
        raise InputError(f"{name} has shape {given}, and ({wanted}) is needed")


def require_last(name: str, tensor: Tensor, size: int) -> None:
    """Raise InputError unless the last dimension of ``tensor`` is ``size``."""
    if tensor.dim() == 0 or tensor.shape[-1] != size:
        raise InputError(f"{name} has shape {tuple(tensor.shape)}, and (..., {size}) is needed")


def require_precision(name: str, tensor: Tensor) -> None:
    """Raise InputError for integers, and for float16 and bfloat16: sums over frames would keep two or three digits."""
    if tensor.dtype not in (torch.float32, torch.float64):
        raise InputError(f"{name} is {tensor.dtype}, and torch.float32 or torch.float64 is needed")


def require_real(name: str, tensor: Tensor) -> None:
    """Raise InputError unless ``tensor`` is not empty and holds finite values in float32 or float64."""
    require_precision(name, tensor)
    if not tensor.numel():
        raise InputError(f"{name} has shape {tuple(tensor.shape)}, which is empty: at least one value is needed")
    require_finite(name, tensor)


def require_clips(name: str, batch: Tensor) -> None:
    """Raise InputError for an empty ``batch``: a mean over no clips is NaN, and onnxruntime crashes."""
    if batch.shape[0] == 0:  # not len(): it would become a constant in an exported graph
        raise InputError(f"{name} has shape {tuple(batch.shape)}, which holds no clip: at least one is needed")


def require_finite(name: str, tensor: Tensor) -> None:
    """Raise InputError for NaN and infinity. A sum, which is cheap, shows whether either may occur."""
    if tensor.numel() and not math.isfinite(float(tensor.detach().sum())) and not tensor.isfinite().all():
        bad = int((~tensor.isfinite()).sum())
        raise InputError(f"{name} has {counted(bad, 'value')} NaN or infinite")


def require_integers(name: str, tensor: Tensor) -> None:
    """Raise InputError unless ``tensor`` is int64, torch's index type; bool would be used as a mask."""
    if tensor.dtype != torch.int64:
        raise InputError(f"{name} is {tensor.dtype}, and torch.int64 is needed")


def require_lengths(name: str, lengths: Tensor, batch: int, longest: int, least: int = 1) -> None:
    """Raise InputError unless ``lengths`` is ``(batch,)``, int64, and in ``least`` to ``longest``."""
    require_shape(name, lengths, batch)
    require_integers(name, lengths)
    require_clips(name, lengths)
    if not least <= int(lengths.min()) <= int(lengths.max()) <= longest:
        raise InputError(f"{name} lies within {int(lengths.min())} to {int(lengths.max())}, not {least} to {longest}")


def require_indices(name: str, indices: Tensor, n: int) -> None:
    """Raise InputError unless all ``indices`` are integers in 0 to ``n - 1``."""
    require_integers(name, indices)
    if indices.numel() and not 0 <= int(indices.min()) <= int(indices.max()) < n:
        low, high = int(indices.min()), int(indices.max())
        raise InputError(f"{name} holds {low} to {high}, and 0 to {n - 1} is needed")
