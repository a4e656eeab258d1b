"""A text file of names that is edited while somebody listens for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from speech.audio.streams import Block, Fault
from speech.inference.listening import Listed
from speech.inference.scoring import Entry


def reloaded(blocks: Iterable[Block], path: Path, read: Callable[[], Mapping[str, Entry]]) -> Iterator[Block | Listed]:
    """``blocks``, with what ``read`` gives before the first one after each change of ``path``.

    What is wrong with a new list is a Fault of the stream: the list before it stays, until the next change.
    """
    seen = _stamp(path)
    for block in blocks:
        if (stamp := _stamp(path)) != seen:
            seen = stamp
            try:
                yield Listed(read())
            except ValueError as error:
                yield Fault(f"{error}\nthe names before this change are still listened for")
        yield block


def _stamp(path: Path) -> tuple[int, int] | None:
    """What differs once ``path`` was written again; None where it does not exist."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
