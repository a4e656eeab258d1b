"""Files of a run: written atomically (complete or not at all); an error in reading one back names the file.

A file may come from a stranger. So its size is checked before it is read; pipes and devices, which may never end, YAML
aliases and compressed files, which can make a few bytes stand for gigabytes, and NaN and infinite numbers are refused.
"""

from __future__ import annotations

import errno
import gzip
import io
import itertools
import json
import math
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TextIO

from speech.common.escape import printable

if sys.platform != "win32":
    import fcntl

LARGEST_TEXT = 1 << 28  # bytes of JSON
LARGEST_YAML = 1 << 20  # bytes of a config: YAML takes seconds per megabyte
DEEPEST_YAML = 32  # levels
_MOST_PACKED = 100  # times its size, to which a compressed file may unpack: our own unpack to ten times theirs


class UnwritableError(OSError):
    """``path`` could not be written: for example the disk is full, or permission is missing."""

    def __init__(self, path: Path, error: OSError) -> None:
        free = f"; {shutil.disk_usage(path.parent).free / 1e6:.1f} MB free there" if path.parent.is_dir() else ""
        way_out = ": free some space there, and run it again" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        super().__init__(f"{path}: could not be written ({error.strerror or error}{free}){way_out}")

    def __reduce__(self) -> tuple[Any, ...]:  # between processes: it cannot be rebuilt from its message
        return OSError, self.args


_PART = ".part-"  # prefix of an unfinished file's name
_PARTS = re.compile(r"\.part-\d+-\d+-")
_numbers = itertools.count()


@contextmanager
def whole(path: Path, sync: bool = True) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to; at the end the file is renamed to ``path``, on an error removed.

    Until then an earlier file of that name stays. With ``sync`` the file is on the disk before it is renamed, so that
    ``path`` is complete even after a crash of the machine; and files that killed processes left there are removed.
    Raises UnwritableError.
    """
    if sync:
        remove_parts(path.parent)
    # Only the end of the name, which has its suffixes: a long name leaves no room for more.
    part = path.with_name(f"{_PART}{os.getpid()}-{next(_numbers)}-{path.name[-16:]}")
    try:
        with _held(part):
            yield part
            if sync:
                _sync(part)
            part.replace(path)
        if sync and os.name == "posix":  # elsewhere a folder cannot be opened
            _sync(path.parent)
    except OSError as error:
        if isinstance(error, UnwritableError) or error.filename not in (None, str(part)):
            raise  # an error of another file, for example one being read
        raise UnwritableError(path, error) from error
    finally:
        with suppress(OSError):  # a read-only file system raises even if there is nothing to remove
            part.unlink(missing_ok=True)


@contextmanager
def appended(path: Path, newline: str | None = None) -> Iterator[TextIO]:
    """The text file ``path``, open for appending. Raises UnwritableError; a full disk may leave half a line."""
    try:
        with path.open("a", encoding="utf-8", newline=newline) as file:
            yield file
    except OSError as error:
        if isinstance(error, UnwritableError) or error.filename not in (None, str(path)):
            raise
        raise UnwritableError(path, error) from error


@contextmanager
def _held(part: Path) -> Iterator[None]:
    """Creates ``part`` and locks it; the lock ends with the process, however that ends."""
    while True:
        with part.open("wb") as file:
            _lock(file, wait=True)
            if part.exists():  # otherwise another process has removed it as abandoned before we locked it
                yield
                return


def remove_parts(folder: Path) -> None:
    """Remove unfinished files that killed processes left in ``folder``."""
    for part in folder.glob(f"{_PART}*"):
        if not _PARTS.match(part.name):
            continue
        try:
            with part.open("r+b") as file:
                # By now the name may belong to a newer file, if another process removed its writer's first part.
                if _lock(file, wait=False) and os.path.samestat(os.fstat(file.fileno()), part.stat()):
                    part.unlink(missing_ok=True)
        except OSError:  # another process removed it, or we may not remove it
            continue


@contextmanager
def one_writer(folder: Path) -> Iterator[None]:
    """Lets one process at a time write into ``folder``; the others wait, and print that they do.

    Raises RuntimeError in a child process that is still importing the main script: the writer may be its parent, which
    waits for it.
    """
    from filelock import FileLock, Timeout  # not in the runtime wheel, which fills no folder

    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        import multiprocessing

        if getattr(multiprocessing.current_process(), "_inheriting", False):  # it has no public name
            raise RuntimeError(
                "a new process imports this script again, and has reached the code that started it: put that code "
                'under if __name__ == "__main__":'
            ) from None
        print(f"another process is writing {printable(folder)}: waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def claim(folder: Path, what: str) -> Any:
    """Create ``folder`` if needed and lock it for this process, until the lock is released or the process ends.

    Raises FileExistsError, naming ``what`` is writing there, if another process has the lock, and UnwritableError.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise FileExistsError(f"{folder}: {what} is writing there: wait until it ends, or stop it") from error
    except OSError as error:
        raise UnwritableError(folder, error) from error
    return lock


def _lock(file: IO[bytes], wait: bool) -> bool:
    """Lock ``file``; returns whether it succeeded. Some systems and network file systems have no such locks."""
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
    """Copy ``path``, which will be replaced, to the first free name such as ``recognizer.before-1.pt``."""
    for number in itertools.count(1):
        kept = path.with_name(f"{path.stem}.before-{number}{path.suffix}")
        if not kept.exists():
            break
    with whole(kept) as part:
        shutil.copyfile(path, part)
    return kept


def bounded_bytes(path: Path, largest: int = LARGEST_TEXT) -> bytes:
    """The content of ``path``. Raises OSError if it cannot be read, and ValueError, without reading it, if it is over
    ``largest`` bytes, or a pipe or a device."""
    status = path.stat()
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):  # reading a folder is an error that says so
        raise ValueError("not a regular file")
    if status.st_size > largest:
        raise ValueError(f"over {largest} bytes")
    return path.read_bytes()


def unpacked(path: Path) -> bytes:
    """The content of the gzip file ``path``. Raises OSError, EOFError, zlib.error or ValueError for any other file, and
    ValueError for one that unpacks to more than ``_MOST_PACKED`` times its size."""
    packed = bounded_bytes(path)
    if not packed:  # as a crash of the machine may leave it: to gzip it is a file of 0 bytes
        raise EOFError(f"{path} is empty")
    most = _MOST_PACKED * len(packed)
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"unpacks to more than {_MOST_PACKED} times its size")
    return content


def bounded_text(path: Path, largest: int = LARGEST_TEXT) -> str:
    """The text in ``path``. Raises OSError and ValueError as ``bounded_bytes`` does, and if it is not UTF-8."""
    return bounded_bytes(path, largest).decode("utf-8")


def read_text(path: Path, largest: int = LARGEST_TEXT) -> str:
    """The text that a run wrote into ``path``. Raises ValueError if it is missing, not UTF-8, or over ``largest``."""
    try:
        return bounded_text(path, largest)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def read_yaml_text(path: Path) -> str:
    """The text of a YAML file that is safe to parse. Raises ValueError for an unsafe or missing one, and YAMLError."""
    import yaml  # not in the runtime wheel, which reads no config

    text, depth = read_text(path, LARGEST_YAML), 0
    for event in yaml.parse(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > DEEPEST_YAML:
            raise ValueError(f"aliases or more than {DEEPEST_YAML} levels, which no run writes")
    return text


def read_json(path: Path) -> dict[str, Any]:
    """The content that ``write_json`` wrote. Raises ValueError if it is missing, cut short, or no JSON object."""
    text = read_text(path)
    try:
        content = parse_json(text)
    except ValueError as error:
        raise _unreadable(path, error) from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: not what a run writes there: made by another version; train again")
    return content


def parse_json(text: str) -> Any:
    """The content of ``text``. Raises ValueError for invalid JSON, including NaN, Infinity and numbers like 1e999."""
    try:
        content = json.loads(text, parse_constant=_finite, parse_float=_finite, parse_int=_whole)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return content


def _finite(written: str) -> float:
    if not math.isfinite(number := float(written)):
        raise ValueError(f"{written} is not a finite number")
    return number


def _whole(written: str) -> int:
    _finite(written)
    return int(written)


def _unreadable(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path}: missing or incomplete ({error}): has the run ended? resume it")
