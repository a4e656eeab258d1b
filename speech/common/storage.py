"""Files that a run writes: whole or not there. An error in reading one back names the file.

A file that is read may come from a stranger: its size is compared before it is in memory, no alias of YAML's makes a
few lines stand for gigabytes, and no number in it is NaN or infinite.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NoReturn, TextIO

from speech.common.escape import printable

if sys.platform != "win32":
    import fcntl

LARGEST_TEXT = 1 << 28  # bytes of JSON
LARGEST_YAML = 1 << 20  # of a config: YAML takes seconds a megabyte
DEEPEST_YAML = 32  # levels


class UnwritableError(OSError):
    """``path`` could not be written: the disk is full, or does not allow it."""

    def __init__(self, path: Path, error: OSError) -> None:
        free = f"; {shutil.disk_usage(path.parent).free / 1e6:.1f} MB free there" if path.parent.is_dir() else ""
        way_out = ": make room there, and go on" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        super().__init__(f"{path}: could not be written ({error.strerror or error}{free}){way_out}")

    def __reduce__(self) -> tuple[Any, ...]:  # from a process to another: it is not made anew of its message
        return OSError, self.args


_PART = ".part-"  # how the name of an unfinished file begins
_PARTS = re.compile(r"\.part-\d+-\d+-")
_numbers = itertools.count()


@contextmanager
def whole(path: Path, sync: bool = True) -> Iterator[Path]:
    """A path beside ``path`` to write to; the file takes the name ``path`` at the end, and is removed on an error.

    Until then an earlier file of that name stays. ``sync``: it is on the disk before it takes the name, so that the
    name never stands for less, whatever happens to the machine; and what killed processes left there is removed.
    Raises UnwritableError.
    """
    if sync:
        remove_parts(path.parent)
    # The end of the name, which has its suffixes: a long one leaves no room for more.
    part = path.with_name(f"{_PART}{os.getpid()}-{next(_numbers)}-{path.name[-16:]}")
    try:
        with _held(part):
            yield part
            if sync:
                _sync(part)
            part.replace(path)
        if sync and os.name == "posix":  # where a folder can be opened
            _sync(path.parent)
    except OSError as error:
        if isinstance(error, UnwritableError) or error.filename not in (None, str(part)):
            raise  # of another file, which was read, say
        raise UnwritableError(path, error) from error
    finally:
        with suppress(OSError):  # a file system that is read-only refuses to remove what is not there
            part.unlink(missing_ok=True)


@contextmanager
def appended(path: Path, newline: str | None = None) -> Iterator[TextIO]:
    """The text file ``path`` to add lines to. Raises UnwritableError; a full disk may leave half a line."""
    try:
        with path.open("a", encoding="utf-8", newline=newline) as file:
            yield file
    except OSError as error:
        if isinstance(error, UnwritableError) or error.filename not in (None, str(path)):
            raise
        raise UnwritableError(path, error) from error


@contextmanager
def _held(part: Path) -> Iterator[None]:
    """``part``, made, and locked as long as its writer lives: that ends with the process, however it does."""
    while True:
        with part.open("wb") as file:
            _lock(file, wait=True)
            if part.exists():  # else another process took it for a part that was left, and we came too late
                yield
                return


def remove_parts(folder: Path) -> None:
    """Remove what processes that were killed left unfinished in ``folder``."""
    for part in folder.glob(f"{_PART}*"):
        if not _PARTS.match(part.name):
            continue
        try:
            with part.open("r+b") as file:
                # Its name may be of a later file by now: of a writer whose first part another process removed.
                if _lock(file, wait=False) and os.path.samestat(os.fstat(file.fileno()), part.stat()):
                    part.unlink(missing_ok=True)
        except OSError:  # another process removed it, or it is not ours to remove
            continue


@contextmanager
def one_writer(folder: Path) -> Iterator[None]:
    """Of the processes that would fill ``folder`` one does so at a time; the others wait, and say so."""
    from filelock import FileLock, Timeout  # not in the runtime wheel, which fills no folder

    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"another process is writing {printable(folder)}: waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def claim(folder: Path, what: str) -> Any:
    """The lock of ``folder``, made if it is not there: this process's alone until it is released, or the process ends.

    Raises FileExistsError, with ``what`` has it, where another process does, and UnwritableError.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise FileExistsError(f"{folder}: {what} is writing there: wait for its end, or stop it") from error
    except OSError as error:
        raise UnwritableError(folder, error) from error
    return lock


def _lock(file: IO[bytes], wait: bool) -> bool:
    """Whether ``file`` is locked now. Not where the system, or a file system of a network, has no such locks."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def write_bytes(path: Path, content: bytes) -> None:
    with whole(path) as part:
        part.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


def write_json(path: Path, content: Mapping[str, object]) -> None:
    write_text(path, json.dumps(content, indent=2) + "\n")


def keep(path: Path) -> Path:
    """A copy of ``path`` under the first free name, ``recognizer.before-1.pt``, for a file that is to be replaced."""
    for number in itertools.count(1):
        kept = path.with_name(f"{path.stem}.before-{number}{path.suffix}")
        if not kept.exists():
            break
    with whole(kept) as part:
        shutil.copyfile(path, part)
    return kept


def bounded_text(path: Path, largest: int = LARGEST_TEXT) -> str:
    """The text in ``path``. Raises OSError for a file that cannot be read, ValueError for one not UTF-8, or larger."""
    if path.stat().st_size > largest:
        raise ValueError(f"over {largest} bytes")
    return path.read_text(encoding="utf-8")


def read_text(path: Path, largest: int = LARGEST_TEXT) -> str:
    """The text that a run wrote into ``path``. Raises ValueError for a file that is missing, not UTF-8, or larger."""
    try:
        return bounded_text(path, largest)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def read_yaml_text(path: Path) -> str:
    """The text of a YAML file, which a parser can be given. Raises ValueError, YAMLError for one that is none."""
    import yaml  # not in the runtime wheel, which reads no config

    text, depth = read_text(path, LARGEST_YAML), 0
    for event in yaml.parse(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > DEEPEST_YAML:
            raise ValueError(f"aliases, or more than {DEEPEST_YAML} levels, which no run writes")
    return text


def read_json(path: Path) -> dict[str, Any]:
    """What ``write_json`` wrote. Raises ValueError for a file that is missing, cut short, or holds no JSON object."""
    text = read_text(path)
    try:
        content = parse_json(text)
    except ValueError as error:
        raise _unreadable(path, error) from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: not what a run writes there: made by another version; train again")
    return content


def parse_json(text: str) -> Any:
    """The content of ``text``. Raises ValueError for what is no JSON, NaN and Infinity included."""
    try:
        content = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return content


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no finite number")


def _unreadable(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path}: not there, or half written ({error}): has the run ended? resume it")
