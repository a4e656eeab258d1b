"""torch files (recognisers and checkpoints): tensors and plain data with a checksum, and no pickled code."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from speech.common import seal
from speech.common.ranges import is_finite
from speech.common.seal import DamagedError

_SEALED = "sealed"  # a key of the content: the file has a checksum, which files of earlier versions lack


def to_bytes(content: Mapping[str, Any]) -> bytes:
    """``content``, tensors and plain data by key, as the bytes of a file with a checksum."""
    encoded = io.BytesIO()  # not a file: torch would report a full disk as an error of its own
    torch.save({**content, _SEALED: True}, encoded)
    return seal.sealed(encoded.getvalue())


def read(path: Path) -> dict[str, Any]:
    """The content of a file made by ``to_bytes``. Raises DamagedError, without a path, for any other file, and OSError.

    For a file of an earlier version, without a checksum, the checksums of its archive's entries are verified.
    """
    data = seal.read(path)
    seal.check_archive(data)
    try:
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # on damaged bytes torch may raise anything
        reason = str(error).strip().partition("\n")[0][:200]
        raise DamagedError(f"{type(error).__name__}: {reason}") from error
    if not isinstance(content, dict):
        raise DamagedError("it has no keys")
    if content.pop(_SEALED, False) and not seal.is_sealed(data):
        raise DamagedError("its checksum is wrong: it was damaged or changed")
    return content


def checked_tensors(weights: Mapping[str, Any]) -> dict[str, Tensor]:
    """``weights`` by name. Raises ValueError for a value that is not a plain tensor, or for tensors that share storage.

    This ensures that they take no more memory than the file.
    """
    found: dict[str, Tensor] = dict(weights)
    for name, one in found.items():
        plain = isinstance(one, Tensor) and one.layout == torch.strided and one.device.type == "cpu"
        if not plain or one.is_quantized:
            raise ValueError(f"{name} is not a plain tensor")
    there = {one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in found.values()}
    if sum(one.numel() * one.element_size() for one in found.values()) > sum(there.values()):
        raise ValueError("tensors in it share storage")
    return found


def check_finite(content: Any) -> None:
    """Raise ValueError if ``content``, tensors and plain data, holds a number that is NaN or infinite, or a tensor that
    would take more memory than the file."""
    if isinstance(content, Mapping):
        for key, value in content.items():
            try:
                check_finite(value)
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from error
    elif isinstance(content, list | tuple):
        for value in content:
            check_finite(value)
    elif isinstance(content, Tensor):
        if not bool(checked_tensors({"a tensor": content})["a tensor"].isfinite().all()):
            raise ValueError("a number in it is NaN or infinite")
    elif isinstance(content, int | float) and not is_finite(content):
        raise ValueError(f"{content} is not a finite number")
