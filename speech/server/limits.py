"""Limits of a server: the size and time of a request, and the number of clients at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from speech.common.counting import counted


class TooMuchError(Exception):
    """A client exceeded a limit; the message names it."""


@dataclass(frozen=True)
class Limits:
    """The most that a client may send: ``n_bytes`` in a recording sent as a file, ``n_event_bytes`` in one event or
    frame of a stream."""

    n_bytes: int = 10_000_000
    n_event_bytes: int = 1_000_000
    n_names: int = 1_000
    n_clients: int = 32
    patience_s: float = 30.0  # for a whole file; in a stream, from one message to the next


class Clients:
    """Counts the clients of all servers."""

    def __init__(self, most: int) -> None:
        self.most, self.n = most, 0

    @contextmanager
    def another(self) -> Iterator[None]:
        """Counts one more client while it is served. Raises TooMuchError if there are ``most`` already."""
        if self.n >= self.most:
            raise TooMuchError(f"{counted(self.most, 'client')} connected, the maximum: try again later")
        self.n += 1
        try:
            yield
        finally:
            self.n -= 1
