"""What a client may ask of a server: size, time, and how many clients there are at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from speech.common.counting import counted


class TooMuchError(Exception):
    """A client passed a limit; the message names it."""


@dataclass(frozen=True)
class Limits:
    """``n_bytes`` of a recording that is sent as a file, ``n_event_bytes`` of one event or frame of a stream."""

    n_bytes: int = 10_000_000
    n_event_bytes: int = 1_000_000
    n_names: int = 1_000
    n_clients: int = 32
    patience_s: float = 30.0  # for a whole file; of a stream from one message to the next


class Clients:
    """The clients of all servers, counted."""

    def __init__(self, most: int) -> None:
        self.most, self.n = most, 0

    @contextmanager
    def another(self) -> Iterator[None]:
        """While one more is served. Raises TooMuchError where as many are as may be."""
        if self.n >= self.most:
            raise TooMuchError(f"{counted(self.most, 'client')} served now, the most: try again later")
        self.n += 1
        try:
            yield
        finally:
            self.n -= 1
