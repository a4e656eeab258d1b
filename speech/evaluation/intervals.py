"""The uncertainty of metrics: intervals that take speakers into account, not only clips, and a test of two recognisers.

Clips of one speaker are not independent: a voice that is recognised badly is so in all of its clips. The variance of a
ratio of sums is therefore taken between speakers (cluster-robust: Liang and Zeger 1986). Student's t with one degree of
freedom fewer than there are speakers keeps an interval honest even with two or six of them, or with one who said most
of the clips. If speakers happen to agree, that variance is too small: each end of the interval is therefore the further
one of this interval and of the one with each clip as its own speaker (Wilson's for a proportion).
``scripts/benchmark_intervals.py`` measures the coverage.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

N_DRAWS = 1000
LEVEL = 0.95
# Student's t, two-sided 95 %, for 1 to 10 degrees of freedom.
STUDENT = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281)


def wilson(n_hits: float, n: float, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson 1927); it stays within 0 and 1 even if few or all are hits."""
    if n == 0:
        return 0.0, 1.0
    p = n_hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def student(n_degrees: float) -> float:
    """The 97.5 % quantile of Student's t with ``n_degrees`` of freedom, at least one; accurate to three digits, between
    two whole numbers up to 10 a little too large."""
    if n_degrees <= len(STUDENT):
        return float(np.interp(n_degrees, range(1, len(STUDENT) + 1), STUDENT))
    z = 1.959964  # Cornish and Fisher's expansion about the normal distribution (1938)
    terms = (z, (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96, (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384)
    return sum(term / n_degrees**i for i, term in enumerate(terms))


def variance_between(
    above: NDArray[np.float64], below: NDArray[np.float64], speakers: Sequence[str]
) -> tuple[float, float]:
    """The variance of R = ``sum(above) / sum(below)`` between speakers, at least two, and its degrees of freedom.

    With b_s the sum of below over the clips of speaker s, u_s that of above - R below, which is 0 on average, B the sum
    of all b_s, and S speakers, the jackknife: (S - 1) / S sum_s (u_s / (B - b_s))^2, since u_s / (B - b_s) is what R
    changes by without speaker s (Cochran 1977, section 6.17). B^2 / sum_s b_s^2 speakers of equally many clips would
    tell as much (Kish 1965): one fewer is the number of degrees of freedom.
    """
    distinct, speaker = np.unique(np.asarray(speakers), return_inverse=True)
    apart = np.bincount(speaker, weights=above - below * (above.sum() / below.sum()))
    n, sizes, every = len(distinct), np.bincount(speaker, weights=below), below.sum()
    variance = (n - 1) / n * ((apart / (every - sizes)) ** 2).sum()
    return float(variance), max(1.0, float(every**2 / (sizes**2).sum()) - 1)


def ratio_interval(above: ArrayLike, below: ArrayLike, speakers: Sequence[str]) -> tuple[float, float]:
    """95 % interval of ``sum(above) / sum(below)`` over at least one clip; each array is ``(n_clips,)``.

    The difference of two recognisers is such a ratio too: ``above`` is then their difference clip by clip.
    """
    up, down = np.asarray(above, dtype=float), np.asarray(below, dtype=float)
    value = float(up.sum() / down.sum())
    half = 0.0
    for who in (speakers, range(len(up))):
        if len(set(who)) > 1:
            variance, n_degrees = variance_between(up, down, list(map(str, who)))
            half = max(half, student(n_degrees) * math.sqrt(variance))
    low, high = value - half, value + half
    return (max(low, 0.0), high) if (up >= 0).all() else (low, high)


def bootstrap(above: ArrayLike, below: ArrayLike, speakers: Sequence[str]) -> tuple[float, float]:
    """95 % interval of ``sum(above) / sum(below)``: the outer ends of the bootstrap over speakers and that over clips.

    Efron 1979; percentiles, Efron 1981; error rates of speech, by speaker: Bisani and Ney 2004. With fewer than about
    ten speakers it is too narrow, unlike ``ratio_interval``.
    """
    clips = np.stack([np.asarray(above, dtype=float), np.asarray(below, dtype=float)], axis=1)
    rng = np.random.default_rng(0)
    ends = [_percentiles(clips, rng)]
    distinct, speaker = np.unique(np.asarray(speakers), return_inverse=True)
    if 1 < len(distinct) < len(clips):
        sums = np.stack([np.bincount(speaker, weights=column) for column in clips.T], axis=1).astype(float)
        ends.append(_percentiles(sums, rng))
    return min(low for low, _ in ends), max(high for _, high in ends)


def _percentiles(units: NDArray[np.float64], rng: np.random.Generator) -> tuple[float, float]:
    """Percentiles of the ratio of column sums over ``N_DRAWS`` draws of ``len(units)`` rows from ``units`` ``(n, 2)``.

    Equal rows are drawn together, since their counts are multinomial: 7 000 clips are then as cheap as ten.
    """
    rows, counts = np.unique(units, axis=0, return_counts=True)
    times = rng.multinomial(len(units), counts / len(units), size=N_DRAWS)
    above, below = (times @ rows).T
    low, high = np.quantile(above / below, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def proportion(hits: ArrayLike, speakers: Sequence[str]) -> tuple[float, float]:
    """95 % interval of the proportion of ``hits``: the union of Wilson's over clips and Wilson's between speakers.

    The latter uses the number of independent clips that would have the variance between speakers, and t in place of z
    (Korn and Graubard 1998; Dean and Pagano 2015). It is left out if no two speakers differ, or there is only one.
    """
    found = np.asarray(hits, dtype=float)
    n, n_hits = len(found), float(found.sum())
    low, high = wilson(n_hits, n)
    if len(set(speakers)) > 1:
        variance, n_degrees = variance_between(found, np.ones(n), speakers)
        if variance > 0:
            p = n_hits / n
            n_independent = min(n, p * (1 - p) / variance)
            ends = wilson(p * n_independent, n_independent, student(n_degrees))
            low, high = min(low, ends[0]), max(high, ends[1])
    return low, high


def sign_flips(changes: Sequence[int], speakers: Sequence[str]) -> float:
    """Exact two-sided p-value of no difference between two recognisers; ``changes`` has 1, 0 or -1 for each clip.

    Under the null hypothesis the two are exchangeable for any speaker, in all of that speaker's clips at once, so that
    each speaker's sum of changes is as likely to have the other sign (Fisher 1935, section 21). p is the proportion of
    all sign patterns whose sum is at least as far from 0 as the observed one. With one clip per speaker it is McNemar's
    exact test (1947). Two speakers give 0.5 at best, six 0.03. If there is only one speaker, clips are flipped one by
    one, and the result holds for that speaker only.
    """
    distinct, speaker = np.unique(np.asarray(speakers), return_inverse=True)
    units = np.asarray(changes, dtype=np.int64)
    if len(distinct) > 1:
        units = np.bincount(speaker, weights=units).round().astype(np.int64)
    sizes = np.abs(units[units != 0])
    chance = np.ones(1)  # the probability of each sum of the units so far, from the least to the largest
    for size in sizes:
        chance = (np.pad(chance, (0, 2 * size)) + np.pad(chance, (2 * size, 0))) / 2
    sums = np.arange(len(chance)) - sizes.sum()
    return min(1.0, float(chance[np.abs(sums) >= abs(units.sum())].sum()))
