"""What a process leaves: child processes that end with it, a temporary folder that the next one clears if it cannot."""

from __future__ import annotations

import atexit
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
LONGEST_TEMPORARY = 103 - len("/pymp-12345678/listener-12345678")  # bytes: macOS' sockets have the shortest paths
LEAVING_S = 3.0  # that killed processes have to be gone
LEAST_FILES = 256  # a batch that is sent to another process is a file for each of its tensors

# What a terminal or a batch system sends to every process of a group; SIGHUP is not everywhere.
GROUP_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def leave(number: int, _frame: FrameType | None) -> None:
    """What a signal does that ends a program as ``sys.exit`` does."""
    sys.exit(128 + number)


def exit_on_signals() -> None:
    """SIGTERM and SIGHUP end this process as ``sys.exit`` does, so that what it began is put away; but for ``nohup``,
    which ignores them."""
    for number in GROUP_SIGNALS:
        if number != signal.SIGINT and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, leave)


def end_with_parent(*_worker: int) -> None:
    """In a child process of ``multiprocessing``: leave a terminal's signals to the parent, and end when it has ended,
    however that was."""
    for number in GROUP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    follow_parent()


def follow_parent() -> None:
    """In a child process of ``multiprocessing``: end when its parent has ended, however that was."""
    threading.Thread(target=_end_after_parent, daemon=True).start()


def _end_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@cache
def stop_with(parent: int) -> None:
    """In a child process that another library started: SIGTERM once ``parent``, its parent's number, has ended."""

    def wait() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    if os.getppid() == parent:
        threading.Thread(target=wait, daemon=True).start()


@contextmanager
def signals_held() -> Iterator[None]:
    """Signals that come within are acted on at its end: the exception that one raises (Ctrl-C's) is lost in a function
    that C calls, and so is what that function was to do."""
    if threading.current_thread() is not threading.main_thread():  # no signal is acted on in another
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
    """An exception ends the daemons too, a loader's say: one that is asked for nothing any more would be waited for."""
    try:
        yield
    except BaseException:
        if hasattr(signal, "SIGCHLD"):
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch's handler would raise an exception of its own
        for child in multiprocessing.active_children():
            if child.daemon:
                child.kill()
                child.join()
        raise


def cores(n_bytes: int = 0) -> int:
    """How many processes may work at once: one a core, and 1 where they could not share a lock, or ``n_bytes`` of
    memory, as in a container without /dev/shm, have too few open files, or too small ones, for what they share, or a
    temporary folder whose path is too long for the sockets that they share it by: what a process sends would be lost,
    and waited for."""
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
    """A folder for this process alone, removed at its end; those that killed processes left are removed now."""
    return tempfile.TemporaryDirectory(prefix=_named(prefix))


def _named(prefix: str) -> str:
    """How the name of this process's temporary folder begins, now that those of killed processes are removed."""
    own = f"{prefix}-{_namespace()}-"
    if os.name == "posix":  # elsewhere no signal asks whether a process lives
        for folder in Path(tempfile.gettempdir()).glob(f"{own}*"):
            if not _lives(folder.name.removeprefix(own).partition("-")[0]):
                shutil.rmtree(folder, ignore_errors=True)
    return f"{own}{os.getpid()}-"


def folder_of_family() -> str:
    """A folder for temporary files of this process and of those that another library starts for it, and kills in the
    end: they put nothing away. It is removed when this process ends, after all that is registered later."""
    folder, owner = tempfile.mkdtemp(prefix=_named("family")), os.getpid()

    def remove() -> None:
        until = time.monotonic() + LEAVING_S
        while os.getpid() == owner and os.path.isdir(folder) and time.monotonic() < until:
            shutil.rmtree(folder, ignore_errors=True)  # one that is about to end may still write there

    atexit.register(remove)
    return folder


def put_temporary_files_into(folder: str) -> None:
    """This process's, and those of all that it starts, if the folder is there, and not on another machine."""
    if os.path.isdir(folder) and _has_room_for_sockets(folder):
        os.environ["TMPDIR"] = tempfile.tempdir = folder


@contextmanager
def temporary_files_in_one_folder(prefix: str) -> Iterator[None]:
    """What this process and those forked from it put into the folder for temporary files, sockets of multiprocessing
    say, lies in a ``temporary_folder``: a process that is killed removes nothing itself."""
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
    """Of this process's number: two containers that share a folder both have a process 1."""
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
