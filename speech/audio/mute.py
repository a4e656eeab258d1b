"""What C libraries print themselves, kept from the terminal and from JSON: mpg123 (MP3, in libsndfile) does for some.

In glibc ``stdout`` and ``stderr`` are variables that name streams. While a file is decoded they name another. Python
writes to descriptors and is not concerned, nor are its other threads.
"""

from __future__ import annotations

import ctypes
import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

_lock = threading.Lock()
_inside = 0  # calls of ``muted`` that go on
_before: list[int | None] = []


@cache
def _streams() -> tuple[list[ctypes.c_void_p], int | None]:
    """The variables, and a stream to nowhere."""
    libc = ctypes.CDLL(None)
    libc.fopen.restype = ctypes.c_void_p
    nowhere = libc.fopen(os.fsencode(os.devnull), b"w")
    return [ctypes.c_void_p.in_dll(libc, name) for name in ("stdout", "stderr")], nowhere


@contextmanager
def muted() -> Iterator[None]:
    """C code prints nowhere meanwhile. Of other C libraries than glibc nothing is known, and nothing changed."""
    global _inside, _before
    if platform.libc_ver()[0] != "glibc":
        yield
        return
    variables, nowhere = _streams()
    with _lock:
        if not _inside:
            _before = [one.value for one in variables]
            for one in variables:
                one.value = nowhere
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                for one, value in zip(variables, _before, strict=True):
                    one.value = value
