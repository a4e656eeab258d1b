"""Speeds side by side: the same machine, the same minute, a step of each in turn, and their ratio with an interval."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]
N_WARM = 5  # rounds that are not counted


def side_by_side(actions: Mapping[str, Callable[[], object]], n: int = 30) -> dict[str, Times]:
    """Seconds of ``n`` rounds of each of ``actions``, taken in turns."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(n + N_WARM):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            times[name].append(time.perf_counter() - start)
    return {name: np.array(some[N_WARM:]) for name, some in times.items()}


def ratio(slow: Times, fast: Times) -> tuple[float, list[float]]:
    """How many times longer ``slow`` takes, by medians, and the 95 % bootstrap interval of it over the rounds."""
    rounds = np.random.default_rng(0).integers(len(fast), size=(1000, len(fast)))
    drawn = np.sort(np.median(slow[rounds], axis=1) / np.median(fast[rounds], axis=1))
    return float(np.median(slow) / np.median(fast)), [float(drawn[25]), float(drawn[975])]
