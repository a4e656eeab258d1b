"""torch's files, recognisers and checkpoints: tensors and plain data, with a checksum, and no code of pickle's."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from speech.common import seal
from speech.common.seal import DamagedError

_SEALED = "sealed"  # a key of the content: the file has a checksum, as those of earlier versions have not


def to_bytes(content: Mapping[str, Any]) -> bytes:
    """``content``, tensors and plain data by key, as a file with its checksum."""
    encoded = io.BytesIO()  # to a file torch itself reports a full disk as an error of its own
    torch.save({**content, _SEALED: True}, encoded)
    return seal.sealed(encoded.getvalue())


def read(path: Path) -> dict[str, Any]:
    """What ``to_bytes`` made. Raises DamagedError, without a path, for anything else, and OSError.

    A file of an earlier version, without a checksum, has those of its archive's entries compared.
    """
    data = seal.read(path)
    seal.check_archive(data)
    try:
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever the damaged bytes lead it to
        reason = str(error).strip().partition("\n")[0][:200]
        raise DamagedError(f"{type(error).__name__}: {reason}") from error
    if not isinstance(content, dict):
        raise DamagedError("no keys in it")
    if content.pop(_SEALED, False) and not seal.is_sealed(data):
        raise DamagedError("its checksum is wrong: it was damaged or changed")
    return content


def checked_tensors(weights: Mapping[str, Any]) -> dict[str, Tensor]:
    """``weights`` by name. Raises ValueError for what is no plain tensor, and for tensors that share their numbers.

    So they take no more memory than the file has.
    """
    found: dict[str, Tensor] = dict(weights)
    for name, one in found.items():
        if not isinstance(one, Tensor) or one.layout != torch.strided:
            raise ValueError(f"{name} is no plain tensor")
    there = {one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in found.values()}
    if sum(one.numel() * one.element_size() for one in found.values()) > sum(there.values()):
        raise ValueError("tensors in it share their numbers")
    return found


def check_finite(content: Any) -> None:
    """Raise ValueError for a number of ``content``, tensors and plain data, that is NaN or infinite."""
    if isinstance(content, Mapping):
        for key, value in content.items():
            try:
                check_finite(value)
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from error
    elif isinstance(content, list | tuple):
        for value in content:
            check_finite(value)
    elif isinstance(content, Tensor) and not bool(content.isfinite().all()):
        raise ValueError("a number in it is NaN or infinite")
    elif isinstance(content, float) and not math.isfinite(content):
        raise ValueError(f"{content} is no finite number")
