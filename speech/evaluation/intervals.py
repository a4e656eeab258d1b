"""How sure a metric is: bootstrap intervals clustered by speaker, and a test of two recognisers on the same clips.

Clips of one speaker are not independent: a voice that is recognised badly is so in all of its clips. So speakers are
drawn with replacement, with all of their clips (the cluster bootstrap), then clips alone, and the interval reaches to
the further end of both. (By speakers alone, two that happen to agree would make a metric look certain.)

Bootstrap: Efron 1979; percentiles, Efron 1981; error rates of speech, by speaker, and two recognisers on the same
draws: Bisani and Ney 2004, "Bootstrap estimates for confidence intervals in ASR performance evaluation".
With fewer than some ten speakers such intervals are too narrow: the number of speakers is reported beside them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

N_DRAWS = 1000
LEVEL = 0.95


def wilson(n_hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson 1927); it stays within 0 and 1 where few or all are hits."""
    if n == 0:
        return 0.0, 1.0
    z, p = 1.96, n_hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def bootstrap(above: ArrayLike, below: ArrayLike, speakers: Sequence[str], seed: int = 0) -> tuple[float, float]:
    """95 % interval of ``sum(above) / sum(below)`` over clips, each array ``(n_clips,)``, at least one clip.

    The difference of two recognisers is such a ratio, too: ``above`` their difference clip by clip, so that each draw
    has the same clips for both.
    """
    clips = np.stack([np.asarray(above, dtype=float), np.asarray(below, dtype=float)], axis=1)
    rng = np.random.default_rng(seed)
    ends = [_percentiles(clips, rng)]
    distinct, speaker = np.unique(np.asarray(speakers), return_inverse=True)
    if 1 < len(distinct) < len(clips):
        sums = np.stack([np.bincount(speaker, weights=column) for column in clips.T], axis=1).astype(float)
        ends.append(_percentiles(sums, rng))
    return min(low for low, _ in ends), max(high for _, high in ends)


def _percentiles(units: NDArray[np.float64], rng: np.random.Generator) -> tuple[float, float]:
    """Of the ratio of the columns' sums, with ``len(units)`` rows drawn from ``units`` ``(n, 2)``, ``N_DRAWS`` times.

    Equal rows are drawn together: how often each comes is multinomial, which makes 7 000 clips as cheap as ten.
    """
    rows, counts = np.unique(units, axis=0, return_counts=True)
    times = rng.multinomial(len(units), counts / len(units), size=N_DRAWS)
    above, below = (times @ rows).T
    low, high = np.quantile(above / below, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def proportion(hits: ArrayLike, speakers: Sequence[str], seed: int = 0) -> tuple[float, float]:
    """95 % interval of the share of ``hits``: the bootstrap's, or Wilson's where all or none are (or there is none).

    Draws from clips that are all hits are all hits: the interval would have no width.
    """
    found = np.asarray(hits, dtype=bool)
    if (n_hits := int(found.sum())) in (0, len(found)):
        return wilson(n_hits, len(found))
    return bootstrap(found, np.ones(len(found)), speakers, seed)


def mcnemar(n_first_only: int, n_second_only: int) -> float:
    """Exact two-sided p that two recognisers are equally often correct, from the clips that only one gets right.

    McNemar 1947: without a difference either is as likely to be the one, so that the count is binomial with 1/2.
    Clips are taken as independent; the interval of the difference is not so lenient.
    """
    n, fewer = n_first_only + n_second_only, min(n_first_only, n_second_only)
    choices, tail = 1, 0  # n choose k, in whole numbers
    for k in range(fewer + 1):
        tail += choices
        choices = choices * (n - k) // (k + 1)
    return min(1.0, 2 * tail / 2**n)  # whole numbers divide exactly, however long
