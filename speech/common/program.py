"""A command around its work: its streams, signals and warnings, and what a user can put right told in one line.

An ``action`` imports what it needs within itself, and this file little: Ctrl-C is answered while imports take seconds.
"""

from __future__ import annotations

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

EXPLAINED = (ValueError, OSError, ModuleNotFoundError)  # what a user can put right
# How the system, torch, NumPy and ONNX Runtime say that there is no memory left.
_NO_MEMORY = re.compile(
    r"failed to map segment|an(?:no|')t allocate memory|[Uu]nable to allocate|bad_alloc|bad allocation"
)


def _own(error: Exception) -> Exception | None:
    """``error``, which is told in its own words; None for a fault of the program, which is not."""
    return error if isinstance(error, EXPLAINED) else None


Told = Callable[[Exception], Exception | None]  # the exception to tell of one; None: it is raised


def run(action: Callable[[], object], told: Told = _own, goes_on: bool = False) -> None:
    """Do ``action``, which is all that this process is for."""

    def whole() -> None:
        begin()
        action()

    explained(whole, told, goes_on)


def begin() -> None:
    """Set up this process's signals, streams and warnings."""
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:  # else it is ignored, as nohup has it
        signal.signal(signal.SIGINT, _interrupt)
    from speech.common import processes

    processes.exit_on_signals()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a letter that a terminal cannot show is no error
    warnings.formatwarning = format_warning
    os.environ.setdefault("PATH", os.defpath)  # lhotse adds to it as it is imported
    with suppress(OSError):  # torch would make a folder there as it is imported, and leave it
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", tempfile.gettempdir())


def format_warning(message: object, *_: object, **__: object) -> str:
    """A warning as commands show it."""
    return f"warning: {message}\n"


def _interrupt(_number: int, frame: FrameType | None) -> None:
    """Ctrl-C; while a module is imported it ends the process here: there an exception may become another one, as
    packages take it for what went wrong with their import."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            os._exit(130)
        frame = frame.f_back
    raise KeyboardInterrupt


def explained(action: Callable[[], object], told: Told = _own, goes_on: bool = False) -> object:
    """The result of ``action``; what a user can put right (ours name the value and the way out) without a traceback.

    It ends the program: with status 2, after Ctrl-C with 130, where nobody reads the output any more with 141. With
    ``goes_on`` the action keeps what it has finished, which is told after Ctrl-C.
    """
    try:
        found = action()
        if sys.stdout is not None:  # as it is where standard output is closed
            sys.stdout.flush()
        return found
    except BrokenPipeError:  # what reads the output has had enough, as head has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is flushed at the end
        sys.exit(128 + 13)  # as SIGPIPE ends others
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
    """What is told of ``error`` where the cause is that no memory is left."""
    if not (isinstance(error, MemoryError) or _NO_MEMORY.search(str(error))):
        return None
    reason = f" ({' '.join(str(error).split())})" if str(error) else ""
    return OSError(f"too little memory{reason}: end other programs, or raise the limit (ulimit -v)")


def _in_words(error: Exception) -> str:
    """The system's own errors by their file, as ours are, and without a number."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _stop(goes_on: bool) -> NoReturn:
    print(f"stopped{': the same command goes on from what it had finished' if goes_on else ''}", file=sys.stderr)
    sys.exit(130)


def _began_with_ctrl_c(error: BaseException | None) -> bool:
    """Whether ``error`` came of KeyboardInterrupt: one that cuts a ``finally`` short, say, is followed by another."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, KeyboardInterrupt):
            return True
        seen.add(id(error))
        error = error.__context__
    return False
