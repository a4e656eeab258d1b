"""A text file of names that may be edited while a command listens for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from speech.audio.streams import Block, Fault
from speech.inference.listening import Listed
from speech.inference.scoring import Entry


def reloaded(blocks: Iterable[Block], path: Path, read: Callable[[], Mapping[str, Entry]]) -> Iterator[Block | Listed]:
    """``blocks``, with a ``Listed`` of the result of ``read`` before the first block after each change of ``path``.

    A mistake in the new list becomes a Fault of the stream, and the previous list stays until the next change.
    """
    seen = _stamp(path)
    for block in blocks:
        if (stamp := _stamp(path)) != seen:
            seen = stamp
            try:
                yield Listed(read())
            except ValueError as error:
                yield Fault(f"{error}\nthe previous names stay in use")
        yield block


def _stamp(path: Path) -> tuple[int, int] | None:
    """A value that differs once ``path`` was written again; None if it does not exist."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
