"""Times on one machine: medians, and ratios between alternating runs, with their intervals."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]  # seconds, (n_rounds,)
Action = Callable[[], object]
N_ROUNDS = 30


def side_by_side(
    actions: Mapping[str, Action],
    n: int = N_ROUNDS,
    n_warm: int = 5,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Times]:
    """The seconds of each of ``actions`` in ``n`` rounds, after ``n_warm`` rounds that are not counted.

    Each round runs all actions in turn, so that other work on the machine slows all of them.
    """
    times: dict[str, list[float]] = {name: [] for name in actions}
    for name in in_turns(list(actions), n_warm + n):
        start = clock()
        actions[name]()
        times[name].append(clock() - start)
    return {name: np.array(some[n_warm:]) for name, some in times.items()}


def in_turns(names: Sequence[str], n_rounds: int) -> Iterator[str]:
    """Each of ``names`` in each round, in alternating order, so that a machine that slows down affects all equally."""
    for number in range(n_rounds):
        yield from names[:: 1 if number % 2 == 0 else -1]


def median_seconds(action: Action, n: int = N_ROUNDS) -> float:
    return float(np.median(side_by_side({"": action}, n, n_warm=1)[""]))


def ratio(slow: Times, fast: Times) -> tuple[float, list[float]]:
    """How many times longer ``slow`` takes, by medians, with the 95 % bootstrap interval over the rounds."""
    rounds = np.random.default_rng(0).integers(len(fast), size=(1000, len(fast)))
    ratios = np.median(slow[rounds], axis=1) / np.median(fast[rounds], axis=1)
    return float(np.median(slow) / np.median(fast)), np.quantile(ratios, [0.025, 0.975]).tolist()
