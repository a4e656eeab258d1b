"""Cleaning up after a process: child processes end with it, and the next process removes what a killed one left."""

from __future__ import annotations

import atexit
import math
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType

if sys.platform != "win32":
    import resource

SHARED_MEMORY = Path("/dev/shm")  # Linux's
LONGEST_TEMPORARY = 103 - len("/pymp-12345678/listener-12345678")  # bytes: macOS allows the shortest socket paths
LEAVING_S = 3.0  # time for killed processes to end
LEAST_FILES = 256  # a batch sent to another process needs an open file for each of its tensors

# The signals that a terminal or a batch system sends to every process of a group; not all systems have SIGHUP.
GROUP_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


_last_signal_s = -math.inf  # when a signal was to end the program


def leave(number: int, _frame: FrameType | None) -> None:
    """A signal handler that ends the program with ``sys.exit``.

    A signal that comes less than a second after another one has no effect, as it would interrupt the cleaning up:
    ``timeout`` and batch systems send one to the program and one to its group.
    """
    global _last_signal_s
    before, _last_signal_s = _last_signal_s, time.monotonic()
    if _last_signal_s - before > 1:
        sys.exit(128 + number)


def exit_on_signals() -> None:
    """Let SIGTERM and SIGHUP end this process with ``sys.exit``, so that it cleans up, unless they are ignored (as by
    ``nohup``)."""
    for number in GROUP_SIGNALS:
        if number != signal.SIGINT and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, leave)


def end_with_parent(*_worker: int) -> None:
    """In a child process of ``multiprocessing``: leave a terminal's signals to the parent, and end when the parent has
    ended, for whatever reason."""
    for number in GROUP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    follow_parent()


def follow_parent() -> None:
    """In a child process of ``multiprocessing``: end when the parent has ended, for whatever reason."""
    threading.Thread(target=_end_after_parent, daemon=True).start()


def _end_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@cache
def stop_with(parent: int) -> None:
    """In a child process that another library started: send it SIGTERM once process ``parent``, its parent, ended."""

    def wait() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    if os.getppid() == parent:
        threading.Thread(target=wait, daemon=True).start()


@contextmanager
def signals_held() -> Iterator[None]:
    """Delays signals until the block ends: an exception that a signal raises (Ctrl-C) within a function called from C
    is lost, and so is the rest of that function's work."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread handles signals
        yield
        return
    before = {number: handler for number in GROUP_SIGNALS if callable(handler := signal.getsignal(number))}
    came: list[int] = []
    for number in before:
        signal.signal(number, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in came:
            before[number](number, None)


@contextmanager
def no_children_left() -> Iterator[None]:
    """On an exception, kills the child processes that were started within the block: they ignore a terminal's signals,
    and Python would wait for them. A second signal does not interrupt this."""
    before = multiprocessing.active_children()
    try:
        yield
    except BaseException:
        with signals_held():
            if hasattr(signal, "SIGCHLD"):
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch's handler would raise an exception of its own
            for child in multiprocessing.active_children():
                if child not in before:
                    child.kill()
                    child.join()
        raise


def cores(n_bytes: int = 0) -> int:
    """The number of processes that may work at once: one per core, but 1 if they could not exchange data. They can not
    if locks are unavailable, shared memory has less than ``n_bytes`` free (as in a container without /dev/shm), the
    limits on open files or file sizes are too low, or the path of the temporary folder is too long for their sockets:
    data that a process sends would be lost, and the receiver would wait for ever."""
    try:
        multiprocessing.Lock()
    except (ImportError, OSError):
        return 1
    if SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free < n_bytes:
        return 1
    if sys.platform != "win32":
        n_files, size = (resource.getrlimit(of)[0] for of in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE))
        if 0 <= n_files < LEAST_FILES or 0 <= size < n_bytes:  # shared memory is a file; -1 is no limit
            return 1
    if not _has_room_for_sockets(tempfile.gettempdir()):
        return 1
    return os.cpu_count() or 1


def temporary_folder(prefix: str) -> tempfile.TemporaryDirectory[str]:
    """A folder for this process alone, removed at its end. Folders left by killed processes are removed now."""
    return tempfile.TemporaryDirectory(prefix=_named(prefix))


def _named(prefix: str) -> str:
    """Remove the folders of killed processes; returns the prefix for the name of this process's temporary folder."""
    own = f"{prefix}-{_namespace()}-"
    if os.name == "posix":  # elsewhere no signal can test whether a process is alive
        for folder in Path(tempfile.gettempdir()).glob(f"{own}*"):
            if not _lives(folder.name.removeprefix(own).partition("-")[0]):
                shutil.rmtree(folder, ignore_errors=True)
    return f"{own}{os.getpid()}-"


def folder_of_family() -> str:
    """A folder for temporary files of this process and of child processes that another library starts and finally
    kills, so that they cannot clean up. It is removed when this process ends, after all exit handlers that are
    registered later."""
    folder, owner = tempfile.mkdtemp(prefix=_named("family")), os.getpid()

    def remove() -> None:
        until = time.monotonic() + LEAVING_S
        while os.getpid() == owner and os.path.isdir(folder) and time.monotonic() < until:
            shutil.rmtree(folder, ignore_errors=True)  # a process that is about to end may still write there

    atexit.register(remove)
    return folder


def put_temporary_files_into(folder: str) -> None:
    """Use ``folder`` for temporary files of this process and its children, if it exists (it may be on another machine)
    and its path is short enough."""
    if os.path.isdir(folder) and _has_room_for_sockets(folder):
        os.environ["TMPDIR"] = tempfile.tempdir = folder


@contextmanager
def temporary_files_in_one_folder(prefix: str) -> Iterator[None]:
    """Puts temporary files of this process and its forked children, such as sockets of multiprocessing, into a
    ``temporary_folder``: a killed process removes nothing itself."""
    before = tempfile.tempdir
    with temporary_folder(prefix) as folder:
        if _has_room_for_sockets(folder):
            tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = before


def _has_room_for_sockets(folder: str) -> bool:
    """Whether the paths of multiprocessing's sockets in ``folder`` are short enough."""
    return len(os.fsencode(folder)) <= LONGEST_TEMPORARY


def _namespace() -> int:
    """The namespace of this process's number: two containers that share a folder both have a process 1."""
    place = Path("/proc/self/ns/pid")
    return place.stat().st_ino if place.exists() else 0


def _lives(number: str) -> bool:
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except (OSError, ValueError):
        pass
    return True
