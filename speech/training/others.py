"""The other processes of a training: the first one starts them, hands them its state, asks for their share, ends them.

Each receives the corpus and the recogniser by pickle, as they are when training begins: nothing is made twice, and the
command line is not run again. Their output is not shown, and an error in one is raised in the first.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Self

import torch

from speech.common import processes, program, trust
from speech.training.distributed import PATIENCE, Process, is_lost

LEAVING_S = 10.0  # the time a process has to send its last answer and end


class Others:
    """The processes other than this one, ``process``, of the ``n`` that train together; none if ``n`` is 1."""

    def __init__(self, n: int) -> None:
        self.process = Process(0, n)
        self._started: list[tuple[BaseProcess, Connection]] = []
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def start(self, given: Any) -> None:
        """Start them, each with ``given`` as it is now. Raises ChildProcessError if one does not start."""
        if self.process.n == 1:
            return
        content = pickle.dumps(given)  # multiprocessing's own pickler would share the memory of the weights
        self._folder = processes.temporary_folder("processes")
        self.process = self.process._replace(meeting=Path(self._folder.name) / "meeting")
        context = multiprocessing.get_context("spawn")  # neither threads nor a GPU survive a fork
        with _ignored(signal.SIGINT) as handles:
            for rank in range(1, self.process.n):
                ours, theirs = context.Pipe()
                process = self.process._replace(rank=rank)
                other = context.Process(target=_serve, args=(theirs, process, trust.trusted(), handles))
                other.start()
                theirs.close()
                self._started.append((other, ours))
        self._tell(content)
        self.answers()

    def ask(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Have each start ``function(given, process, *arguments)``."""
        if self._started:
            self._tell(pickle.dumps((function, arguments)))

    def answers(self) -> list[Any]:
        """The result of each, by rank. Raises ChildProcessError if one has ended, and any error of theirs."""
        return [self._answer(rank) for rank in range(1, self.process.n)]

    def _tell(self, content: bytes) -> None:
        for rank, (_, connection) in enumerate(self._started, start=1):
            try:
                connection.send_bytes(content)
            except OSError as error:
                raise self._ended(rank) from error

    def _answer(self, rank: int, patience_s: float = PATIENCE.total_seconds()) -> Any:
        other, connection = self._started[rank - 1]
        if not wait([connection, other.sentinel], patience_s):
            raise TimeoutError(f"process {rank} of {self.process.n} has not answered for {patience_s:.0f} s")
        try:
            answer = pickle.loads(connection.recv_bytes())
        except (EOFError, OSError) as error:
            raise self._ended(rank) from error
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _ended(self, rank: int) -> ChildProcessError:
        other, _ = self._started[rank - 1]
        other.join(LEAVING_S)
        code = other.exitcode or 0
        how = f"by signal {-code}" if code < 0 else f"with status {code}"
        return ChildProcessError(
            f"process {rank} of {self.process.n} ended {how} (was there too little memory?): training continues from "
            "its last checkpoint with resume=RUN_DIR"
        )

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """A context in which an error that only says that another process is gone is replaced by the reason."""
        try:
            yield
        except Exception as error:
            if is_lost(error) and (cause := self._cause()) is not None:
                raise cause from error
            raise

    def __exit__(self, *_: object) -> None:
        for _other, connection in self._started:
            connection.close()  # the process, which waits for a request, ends
        for other, _connection in self._started:
            other.join(LEAVING_S)
            other.kill()
            other.join()
        if self._folder is not None:
            self._folder.cleanup()

    def _cause(self) -> Exception | None:
        """Why another process is gone: its own error, or how it ended."""
        until, found = time.monotonic() + LEAVING_S, []
        for rank in range(1, self.process.n):
            try:
                self._answer(rank, max(0.0, until - time.monotonic()))
            except TimeoutError:
                continue
            except Exception as error:
                found.append(error)
        return next((error for error in found if not is_lost(error)), None)


@contextmanager
def _ignored(number: int) -> Iterator[bool]:
    """A context in which new processes ignore signal ``number``: Ctrl-C would end their imports with a traceback.

    Yields whether this process handles the signal.
    """
    before = signal.getsignal(number)
    if before == signal.SIG_IGN or threading.current_thread() is not threading.main_thread():
        yield before != signal.SIG_IGN
        return
    signal.signal(number, signal.SIG_IGN)
    try:
        yield True
    finally:
        signal.signal(number, before)


def _serve(connection: Connection, process: Process, trusted: list[str], interruptible: bool) -> None:
    """The main function of another process."""
    processes.follow_parent()
    for number in processes.GROUP_SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN or (number == signal.SIGINT and interruptible):
            signal.signal(number, processes.leave)  # during training, SaveOnInterrupt handles it instead
    sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115  # until it ends
    trust.trust(trusted)
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // process.n))
    try:
        given = pickle.loads(connection.recv_bytes())
        connection.send_bytes(pickle.dumps(None))
        while True:
            function, arguments = pickle.loads(connection.recv_bytes())
            connection.send_bytes(pickle.dumps(function(given, process, *arguments)))
    except EOFError:  # the first process has closed the connection
        return
    except Exception as error:
        # Only its text is sent: an exception with its own arguments cannot be unpickled.
        told = ValueError(str(error)) if isinstance(error, program.EXPLAINED) else RuntimeError(traceback.format_exc())
        connection.send_bytes(pickle.dumps(told))
