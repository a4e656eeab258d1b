"""Settings that cannot be meant are refused before anything is fetched or learnt; the message names the key."""

from __future__ import annotations


def require_counts(**settings: int) -> None:
    """Raise ValueError for a setting that is no whole number from 1."""
    for name, value in settings.items():
        if type(value) is not int or value < 1:
            raise ValueError(f"lesson.{name}={value}: a whole number from 1 is needed")


def require_positive(**settings: float) -> None:
    """Raise ValueError for a setting that is not above 0."""
    for name, value in settings.items():
        if not isinstance(value, int | float) or not value > 0:
            raise ValueError(f"lesson.{name}={value}: a number above 0 is needed")


def require_parts(**settings: float) -> None:
    """Raise ValueError for a setting that is not a part of a whole: from 0 to less than 1."""
    for name, value in settings.items():
        if not isinstance(value, int | float) or not 0 <= value < 1:
            raise ValueError(f"lesson.{name}={value}: a number from 0 to less than 1 is needed")
