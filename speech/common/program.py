"""The frame of a command: its streams, signals and warnings, and one-line messages for errors that a user can correct.

An ``action`` does its own imports, and this file imports little, so that Ctrl-C works while imports take seconds.
"""

from __future__ import annotations

import atexit
import io
import os
import re
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from speech.common.escape import printable_lines

EXPLAINED = (ValueError, OSError, ModuleNotFoundError)  # errors that a user can correct
# The messages of the system, torch, NumPy and ONNX Runtime when no memory is left.
_NO_MEMORY = re.compile(
    r"failed to map segment|an(?:no|')t allocate memory|[Uu]nable to allocate|bad_alloc|bad allocation"
)


def _own(error: Exception) -> Exception | None:
    """``error`` if it is one to report by its message; None for a fault of the program."""
    return error if isinstance(error, EXPLAINED) else None


Told = Callable[[Exception], Exception | None]  # the exception to report for an exception; None: it is raised


def run(action: Callable[[], object], told: Told = _own, goes_on: bool = False) -> None:
    """Run ``action`` as this process's main program."""

    def whole() -> None:
        begin()
        action()

    try:
        explained(whole, told, goes_on)
    finally:  # Ctrl-C does not interrupt the exit handlers, which remove temporary files: the last one comes first
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)


def begin() -> None:
    """Set up this process's signals, streams and warnings."""
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:  # otherwise it is ignored, as under nohup
        signal.signal(signal.SIGINT, _interrupt)
    from speech.common import processes

    processes.exit_on_signals()
    # None if it is closed, into which progress bars and Hydra would write.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115  # until the process ends
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115  # likewise
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # no error for a letter that the terminal cannot show
    warnings.formatwarning = format_warning
    os.environ.setdefault("PATH", os.defpath)  # lhotse extends it on import
    with suppress(OSError):  # on import torch would create a folder there and leave it
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", tempfile.gettempdir())


def format_warning(message: object, *_: object, **__: object) -> str:
    """A warning as commands show it."""
    return f"warning: {message}\n"


def _interrupt(_number: int, frame: FrameType | None) -> None:
    """Handles Ctrl-C. During an import it ends the process at once: an exception might be replaced by another, since
    packages take it for a failure of their import."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            os._exit(130)
        frame = frame.f_back
    raise KeyboardInterrupt


def explained(action: Callable[[], object], told: Told = _own, goes_on: bool = False) -> object:
    """The result of ``action``. Errors that a user can correct are reported without a traceback (our own messages name
    the value and what to do).

    Such an error ends the program with status 2, Ctrl-C with 130, and a closed output pipe with 141. ``goes_on`` says
    that the action keeps what it has finished, which is mentioned after Ctrl-C.
    """
    try:
        found = action()
        sys.stdout.flush()
        return found
    except BrokenPipeError:  # the reader of the output has closed it, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the final flush
        sys.exit(128 + 13)  # the status of a program that SIGPIPE ends
    except KeyboardInterrupt:
        _stop(goes_on)
    except Exception as error:
        if _began_with_ctrl_c(error):
            _stop(goes_on)
        if (reason := told(error) or _no_memory(error)) is None:
            raise
        print(printable_lines(f"error: {_in_words(reason)}"), file=sys.stderr)
        sys.exit(2)


def _no_memory(error: Exception) -> Exception | None:
    """The exception to report for ``error`` if its cause is a lack of memory."""
    if not (isinstance(error, MemoryError) or _NO_MEMORY.search(str(error))):
        return None
    reason = f" ({' '.join(str(error).split())})" if str(error) else ""
    return OSError(f"too little memory{reason}: end other programs, or raise the limit (ulimit -v)")


def _in_words(error: Exception) -> str:
    """The message of ``error``; a system error as its file and reason, like ours, without the error number."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _stop(goes_on: bool) -> NoReturn:
    print(f"stopped{': the same command continues from what was finished' if goes_on else ''}", file=sys.stderr)
    sys.exit(130)


def _began_with_ctrl_c(error: BaseException | None) -> bool:
    """Whether ``error`` arose from a KeyboardInterrupt, for example one that cut a ``finally`` block short."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, KeyboardInterrupt):
            return True
        seen.add(id(error))
        error = error.__context__
    return False
