"""A count and its noun, as messages and reports write them."""

from __future__ import annotations


def counted(n: int, noun: str) -> str:
    """``1 clip``, ``2 clips``, ``0 clips``: ``noun`` is one whose plural ends in s."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
