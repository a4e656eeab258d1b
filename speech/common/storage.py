"""Files that a run writes: whole or not there. An error in reading one back names the file."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class UnwritableError(OSError):
    """``path`` could not be written: the disk is full, or does not allow it."""

    def __init__(self, path: Path, error: OSError) -> None:
        free = f"; {shutil.disk_usage(path.parent).free / 1e6:.1f} MB free there" if path.parent.is_dir() else ""
        super().__init__(f"{path}: could not be written ({error.strerror or error}{free})")


_PART = ".part-"  # how the name of an unfinished file begins
_numbers = itertools.count()


@contextmanager
def whole(path: Path, sync: bool = True) -> Iterator[Path]:
    """A path beside ``path`` to write to; the file takes the name ``path`` at the end, and is removed on an error.

    Until then an earlier file of that name stays. ``sync``: it is on the disk before it takes the name, so that the
    name never stands for less, whatever happens to the machine. Raises UnwritableError.
    """
    # The end of the name, which has its suffixes: a long one leaves no room for more.
    part = path.with_name(f"{_PART}{os.getpid()}-{next(_numbers)}-{path.name[-16:]}")
    try:
        yield part
        if sync:
            _sync(part)
        part.replace(path)
        if sync and os.name == "posix":  # where a folder can be opened
            _sync(path.parent)
    except OSError as error:
        if isinstance(error, UnwritableError) or error.filename not in (None, str(part)):
            raise  # of another file, which was read, say
        raise UnwritableError(path, error) from error
    finally:
        part.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def remove_parts(folder: Path) -> None:
    """Remove what a process that was killed left unfinished in ``folder``, into which no other may write now."""
    for part in folder.glob(f"{_PART}*"):
        part.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    with whole(path) as part:
        part.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


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
