"""Checks of settings: texts, ranges, counts, numbers and proportions."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

Range = tuple[float, float]
_LARGEST = 1e9


def is_finite(value: float) -> bool:
    """Whether ``value`` is a number that a float can hold: not NaN, not infinite, and no integer of 400 digits."""
    return abs(value) <= sys.float_info.max


def checked_text(key: str, value: object, what: str) -> str:
    """``value``. Raises ValueError, which names ``key`` and ``what`` is needed, unless it is a non-empty text."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"{key}={value}: give {what}")
    return value


def checked_range(key: str, pair: Sequence[float], least: float = -math.inf, most: float = math.inf) -> Range:
    """``pair`` as a tuple. Raises ValueError, which names ``key``, unless least <= pair[0] <= pair[1] <= most."""
    if len(pair) != 2 or not least <= pair[0] <= pair[1] <= most:
        bounds = f" within {least:g} to {most:g}" if most < math.inf else f" from {least:g} on"
        raise ValueError(f"{key}={list(pair)} must be two increasing numbers{'' if least == -math.inf else bounds}")
    return pair[0], pair[1]


def checked_count(key: str, value: int, least: int, most: int) -> int:
    """``value``. Raises ValueError, which names ``key``, unless it is an integer from ``least`` to ``most``."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{key}={value} must be an integer from {least} to {most}")
    return value


def checked_numbers(key: str, values: Sequence[float]) -> Sequence[float]:
    """``values``. Raises ValueError, which names ``key``, unless each is a number whose products are finite, too."""
    if not all(isinstance(one, int | float) and -_LARGEST <= one <= _LARGEST for one in values):  # NaN is in no range
        raise ValueError(f"{key} must be finite numbers within -{_LARGEST:g} to {_LARGEST:g}")
    return values


def checked_proportion(key: str, value: float) -> float:
    """``value``. Raises ValueError, which names ``key``, unless it is from 0 to 1."""
    if not 0 <= value <= 1:
        raise ValueError(f"{key}={value} must be between 0 and 1")
    return value
