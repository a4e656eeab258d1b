"""Files that a run writes: whole or not there. An error in reading one back names the file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to; the file takes the name ``path`` at the end, and is removed on an error."""
    part = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with whole(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Mapping[str, object]) -> None:
    write_text(path, json.dumps(content, indent=2) + "\n")


def read_text(path: Path) -> str:
    """The text that a run wrote into ``path``. Raises ValueError for a file that is missing or not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def read_json(path: Path) -> dict[str, Any]:
    """What ``write_json`` wrote. Raises ValueError for a file that is missing, cut short, or holds no JSON object."""
    try:
        content = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise _unreadable(path, error) from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: not what a run writes there: made by another version; train again")
    return content


def _unreadable(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path}: not there, or half written ({error}): has the run ended? resume it")
