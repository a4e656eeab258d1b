"""A count with its noun, as messages and reports write it."""

from __future__ import annotations


def counted(n: int, noun: str) -> str:
    """``1 clip``, ``2 clips``, ``0 clips``: for a ``noun`` with a plural in s."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
