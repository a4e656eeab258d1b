"""Settings that make no sense are refused before anything is fetched or trained; the message names the key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any


def require_counts(lesson: Any, *settings: str) -> None:
    """Raise ValueError for a setting of ``lesson`` that is no whole number from 1."""
    _require(lesson, settings, lambda value: type(value) is int and value >= 1, "a whole number from 1")


def require_positive(lesson: Any, *settings: str) -> None:
    """Raise ValueError for a setting of ``lesson`` that is not above 0."""
    _require(lesson, settings, lambda value: isinstance(value, int | float) and value > 0, "a number above 0")


def require_parts(lesson: Any, *settings: str) -> None:
    """Raise ValueError for a setting of ``lesson`` that is no proportion."""
    needed = "a number from 0 to less than 1"
    _require(lesson, settings, lambda value: isinstance(value, int | float) and 0 <= value < 1, needed)


def require_split(lesson: Any) -> None:
    """Raise ValueError for a ``test_part`` that leaves nothing to test on, or nothing to train on."""
    needed = "a number between 0 and 1"
    _require(lesson, ["test_part"], lambda value: isinstance(value, int | float) and 0 < value < 1, needed)


@contextmanager
def blamed(setting: str, way_out: str = "a smaller number") -> Iterator[None]:
    """A package's ValueError about what ``setting`` (``min_messages=9999``) asks for names it."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"lesson.{setting}: not with these data ({error}): give {way_out}") from error


def _require(lesson: Any, settings: Iterable[str], is_right: Callable[[Any], bool], needed: str) -> None:
    for name in settings:
        value = getattr(lesson, name)
        if not is_right(value):
            raise ValueError(f"lesson.{name}={value}: {needed} is needed")
