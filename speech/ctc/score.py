"""The exact CTC log-probability of each name of a list: the forward recursion, over all names at once.

A text of n letters becomes 2n + 1 states, blank between and around the letters. State s at frame t is reached
from itself, from the one before, and from the letter before that unless it is the same letter
(Graves et al. 2006, equations 6 and 7):

    alpha[t, s] = log(exp alpha[t-1, s] + exp alpha[t-1, s-1] + [skip s] exp alpha[t-1, s-2]) + log p[t, state s]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from speech.alphabet import BLANK

Floats = NDArray[np.float64]
IMPOSSIBLE = -1e30  # stands for log 0: finite, so that differences of two stay 0 instead of NaN


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
    """log p(text | clip) in nats of each of ``texts`` (symbols), ``(n_texts,)``; -inf where frames do not suffice.

    ``log_probs`` is ``(n_frames, n_symbols)``.
    """
    n_states = np.array([2 * len(text) + 1 for text in texts])
    # States run down the rows: each step then works on whole contiguous rows, one column a text.
    states = np.full((n_states.max(), len(texts)), BLANK, dtype=np.int64)
    for i, text in enumerate(texts):
        states[: n_states[i], i] = with_blanks(text)
    forbidden = ~may_skip(states.T).T[2:] * IMPOSSIBLE

    alpha = np.full((len(states) + 2, len(texts)), IMPOSSIBLE)  # two rows above state 0, which is never reached from
    alpha[2:4] = log_probs[0][states[:2]]
    for frame in log_probs[1:]:
        stay, step, skip = alpha[2:], alpha[1:-1], alpha[:-2].copy()
        skip[2:] += forbidden
        most = np.maximum(np.maximum(stay, step), skip)
        summed = np.exp(stay - most) + np.exp(step - most) + np.exp(skip - most)
        alpha[2:] = most + np.log(summed) + frame[states]
    column = np.arange(len(texts))
    total = np.logaddexp(alpha[n_states + 1, column], np.where(n_states > 1, alpha[n_states, column], IMPOSSIBLE))
    return np.where(total > IMPOSSIBLE / 2, total, -np.inf)
