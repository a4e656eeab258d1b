"""The exact CTC log-probability of each text of a list: the forward recursion, over all texts at once.

A text of n letters becomes 2n + 1 states, blank between and around the letters. State s at frame t is reached
from itself, from the one before, and from the letter before that unless it is the same letter
(Graves et al. 2006, equations 6 and 7):

    alpha[t, s] = (alpha[t-1, s] + alpha[t-1, s-1] + [skip s] alpha[t-1, s-2]) p[t, state s]

It uses probabilities, divided by the largest one of each frame, and logarithms only for texts whose probability
underflows: exp and log would take four fifths of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from speech.text.alphabet import BLANK

Floats = NDArray[np.float64]
IMPOSSIBLE = -1e30  # stands for log 0: finite, so that the difference of two is 0 instead of NaN


def with_blanks(symbols: Sequence[int]) -> NDArray[np.int64]:
    """The states of a text: blank, letter, blank, letter, ..., blank, ``(2 n_letters + 1,)``."""
    states = np.full(2 * len(symbols) + 1, BLANK, dtype=np.int64)
    states[1::2] = symbols
    return states


def may_skip(states: NDArray[np.int64]) -> NDArray[np.bool_]:
    """True where a state may follow the one two before it: a letter that differs from the letter before."""
    skip = np.zeros(states.shape, dtype=bool)
    skip[..., 2:] = (states[..., 2:] != BLANK) & (states[..., 2:] != states[..., :-2])
    return skip


def score(log_probs: Floats, texts: Sequence[Sequence[int]]) -> Floats:
    """log p(text | clip) in nats of each of ``texts`` (symbols), ``(n_texts,)``; -inf if a text does not fit.

    ``log_probs`` is ``(n_frames, n_symbols)``.
    """
    n_letters, states, skip, n_needed = _states(tuple(map(tuple, texts)))
    fits = len(log_probs) >= n_needed
    total, exact = _by_probabilities(log_probs, states, skip, n_letters)
    rest = np.flatnonzero(fits & ~exact)
    if len(rest):
        total[rest] = _by_logarithms(log_probs, states[:, rest], skip[:, rest], n_letters[rest])
    return np.where(fits, total, -np.inf)


@lru_cache(maxsize=16)  # one list is scored for clip after clip
def _states(
    texts: tuple[tuple[int, ...], ...],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
    """For each text: its number of letters, its states and which of them a skip may reach, ``(n_states, n_texts)``, and
    the fewest frames that it fits into.
    """
    n_letters = np.array([len(text) for text in texts])
    # States run down the rows, one column per text, so that each step works on whole contiguous rows.
    states = np.full((2 * n_letters.max() + 1, len(texts)), BLANK, dtype=np.int64)
    for i, text in enumerate(texts):
        states[1 : 2 * n_letters[i] : 2, i] = text
    skip = may_skip(states.T).T
    n_repeats = ((states[3::2] == states[1:-2:2]) & (states[3::2] != BLANK)).sum(axis=0)  # each needs a blank between
    return n_letters, states, skip, n_letters + n_repeats


def _by_probabilities(
    log_probs: Floats, states: NDArray[np.int64], skip: NDArray[np.bool_], n_letters: NDArray[np.int64]
) -> tuple[Floats, NDArray[np.bool_]]:
    """The scores, ``(n_texts,)``, and which of them are exact.

    Values below float64's smallest normal number, about 1e-308, may be lost. No later factor is above 1, and each alpha
    passes to at most three states, so that at most 3^n_frames 1e-308 is lost: a score of 1e12 times that is exact to 12
    digits.
    """
    largest = log_probs.max(axis=1)
    probs = np.exp(log_probs - largest[:, None])
    alpha = np.zeros((len(states) + 2, len(n_letters)))  # two rows of zeros above state 0: no path comes from there
    alpha[2:4] = probs[0][states[:2]]
    may = skip.astype(float)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for frame in probs[1:]:
            alpha[2:] = (alpha[2:] + alpha[1:-1] + may * alpha[:-2]) * frame[states]
        ends = _ends(alpha, n_letters, nothing=0.0)
        total = np.log(ends.sum(axis=0))
        exact = np.isfinite(total) & (total > np.log(3) * len(log_probs) + np.log(1e12) + np.log(np.finfo(float).tiny))
    return total + largest.sum(), exact


def _by_logarithms(
    log_probs: Floats, states: NDArray[np.int64], skip: NDArray[np.bool_], n_letters: NDArray[np.int64]
) -> Floats:
    """The same scores, ``(n_texts,)``, however low they are."""
    forbidden = ~skip * IMPOSSIBLE
    alpha = np.full((len(states) + 2, len(n_letters)), IMPOSSIBLE)
    alpha[2:4] = log_probs[0][states[:2]]
    for frame in log_probs[1:]:
        ways = np.stack([alpha[2:], alpha[1:-1], alpha[:-2] + forbidden])
        most = ways.max(axis=0)
        alpha[2:] = most + np.log(np.exp(ways - most).sum(axis=0)) + frame[states]
    return np.logaddexp(*_ends(alpha, n_letters, nothing=IMPOSSIBLE))


def _ends(alpha: Floats, n_letters: NDArray[np.int64], nothing: float) -> Floats:
    """alpha of the last blank and of the last letter, ``(2, n_texts)``; a text may end in either."""
    text = np.arange(len(n_letters))
    letter = np.where(n_letters > 0, alpha[2 * n_letters + 1, text], nothing)  # without letters that row is padding
    return np.stack([alpha[2 * n_letters + 2, text], letter])
