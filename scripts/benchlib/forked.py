"""Commands in their own processes, forked from this one so that they need not repeat its slow imports."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import runpy
import signal
import sys
import tempfile
import time
import traceback
import weakref
from collections.abc import Callable
from multiprocessing import util
from pathlib import Path

LEAVES_S = 30.0  # within which a command's other processes have to end after it


def module(name: str, *arguments: str | Path) -> None:
    """Run ``python -m NAME ARGUMENTS`` in this process, to its end."""
    sys.argv = [name, *map(str, arguments)]
    sys.path.insert(0, os.getcwd())  # as python -m does
    runpy.run_module(name, run_name="__main__", alter_sys=True)


class Forked:
    """Runs ``action()`` in its own process group, in ``folder``, with temporary files in ``temporary``.

    ``output`` and ``errors`` keep what it prints.
    """

    def __init__(self, action: Callable[[], object], folder: Path, temporary: Path | None = None) -> None:
        self._printed = [tempfile.TemporaryFile("w+", errors="replace") for _ in range(2)]  # noqa: SIM115  # closed with this object: both are read after it has ended
        self._began = time.monotonic()
        self.status: int | None = None  # its exit status once it has ended, negative for a signal
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if not self.pid:
            self._run(action, folder, temporary)

    def _run(self, action: Callable[[], object], folder: Path, temporary: Path | None) -> None:
        status = 1
        try:
            os.setsid()
            os.chdir(folder)
            gc.freeze()  # the collector neither searches nor copies objects from before the fork
            # The child must not run this process's exit handlers. All functions that clear them are private;
            # multiprocessing uses the same ones in its forks.
            atexit._clear()
            weakref.finalize._registry.clear()  # type: ignore[attr-defined]  # private: no stub has it
            util._finalizer_registry.clear()  # type: ignore[attr-defined]  # private: no stub has it
            for at_exit in (weakref.finalize._exitfunc, util._exit_function):  # type: ignore[attr-defined]  # private
                atexit.register(at_exit)
            for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
                signal.signal(number, handler)
            if temporary is not None:
                os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
            for stream, file in enumerate(self._printed, start=1):
                os.dup2(file.fileno(), stream)
            sys.stdout, sys.stderr = (open(one, "w", buffering=1) for one in (1, 2))  # noqa: SIM115  # until it ends
            action()
            status = 0
        except SystemExit as error:
            status = error.code if isinstance(error.code, int) else int(error.code is not None)
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(BaseException):
                atexit._run_exitfuncs()
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    @property
    def output(self) -> str:
        return self._read(0)

    @property
    def errors(self) -> str:
        return self._read(1)

    def _read(self, which: int) -> str:
        self._printed[which].seek(0)
        return self._printed[which].read()

    def kill(self, group: bool = True) -> None:
        (os.killpg if group else os.kill)(self.pid, signal.SIGKILL)

    def poll(self) -> int | None:
        """The exit status, or None if it has not ended."""
        if self.status is None:
            self._wait(os.WNOHANG)
        return self.status

    def _wait(self, options: int) -> None:
        pid, status = os.waitpid(self.pid, options)
        if pid:
            self.seconds = time.monotonic() - self._began
            self.status = os.waitstatus_to_exitcode(status)

    def ended(self, within_s: float) -> int:
        """Wait for its end; returns the status. Raises TimeoutError, and ends it, if that takes longer."""
        until = time.monotonic() + within_s
        while (status := self.poll()) is None:
            if time.monotonic() > until:
                self.kill()
                self._wait(0)
                raise TimeoutError(f"did not end in {within_s:.0f} s:\n{self.output}{self.errors}")
            time.sleep(0.01)
        return status

    def has_left_processes(self) -> bool:
        """Whether other processes of its group are still alive LEAVES_S after it; these are then killed."""
        until = time.monotonic() + LEAVES_S
        while time.monotonic() < until:
            try:
                os.killpg(self.pid, 0)
            except ProcessLookupError:
                return False
            time.sleep(0.05)
        self.kill()
        return True
