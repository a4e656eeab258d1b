"""Checks of settings before anything is fetched or trained; the message names the key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "count": ("a whole number of 1 or more", lambda value: type(value) is int and value >= 1),
    "positive": ("a number above 0", lambda value: isinstance(value, int | float) and value > 0),
    "part": ("a number from 0 to below 1", lambda value: isinstance(value, int | float) and 0 <= value < 1),
    "split": ("a number between 0 and 1", lambda value: isinstance(value, int | float) and 0 < value < 1),
}


def require(lesson: Any, kind: str, *settings: str) -> None:
    """Raise ValueError unless each of ``settings`` of ``lesson`` is of ``kind``, a key of KINDS."""
    needed, is_right = KINDS[kind]
    for name in settings:
        value = getattr(lesson, name)
        if not is_right(value):
            raise ValueError(f"lesson.{name}={value}: {needed} is needed")


@contextmanager
def blamed(setting: str, way_out: str = "a smaller number") -> Iterator[None]:
    """Re-raise a package's ValueError with the ``setting`` that caused it (``min_messages=9999``)."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"lesson.{setting}: impossible with these data ({error}): give {way_out}") from error
