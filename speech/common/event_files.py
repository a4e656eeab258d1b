"""Reports TensorBoard event files that cannot be written in one line that names their folder."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from speech.common.storage import UnwritableError


@contextmanager
def written(folder: Path) -> Iterator[None]:
    """Surrounds code that writes event files into ``folder``. Raises UnwritableError.

    A thread of TensorBoard writes them. On its own it would print a traceback, and the exception that it raises at the
    next call names no file.
    """

    def hook(thread: threading.ExceptHookArgs) -> None:
        if not (isinstance(thread.exc_value, OSError) and _is_tensorboards(thread.exc_value)):
            before(thread)

    before, threading.excepthook = threading.excepthook, hook
    try:
        yield
    except OSError as error:
        if error.filename is None and _is_tensorboards(error):
            raise UnwritableError(folder, error) from error
        raise
    finally:
        threading.excepthook = before


def _is_tensorboards(error: OSError) -> bool:
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(frame.f_globals.get("__name__", "").startswith("tensorboard.") for frame in frames)
