"""Keeps what C libraries print out of the terminal and the JSON: mpg123 (MP3, in libsndfile) prints for some files.

In glibc ``stdout`` and ``stderr`` are variables that point to streams. While a file is decoded they point to another
stream. Python writes to file descriptors, so neither it nor its other threads are affected.
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
_inside = 0  # calls of ``muted`` in progress
_before: list[int | None] = []


@cache
def _streams() -> tuple[list[ctypes.c_void_p], int | None]:
    """The variables ``stdout`` and ``stderr``, and a stream to the null device."""
    libc = ctypes.CDLL(None)
    libc.fopen.restype = ctypes.c_void_p
    nowhere = libc.fopen(os.fsencode(os.devnull), b"w")
    return [ctypes.c_void_p.in_dll(libc, name) for name in ("stdout", "stderr")], nowhere


@contextmanager
def muted() -> Iterator[None]:
    """Discard what C code prints meanwhile. Does nothing with C libraries other than glibc."""
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
