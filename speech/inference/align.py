"""Forced alignment: the frames of each letter on the likeliest path that spells a given text (Viterbi 1967).

The states and steps are those of ``score``, with the maximum in place of the sum, and a back-pointer for each state.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speech.common.counting import counted
from speech.inference.score import Floats, may_skip, with_blanks


def align(log_probs: Floats, symbols: Sequence[int]) -> list[tuple[int, int]]:
    """The first frame of each letter of ``symbols`` and the one after its last.

    ``log_probs`` is ``(n_frames, n_symbols)``. Raises ValueError if the text does not fit into the frames.
    """
    states = with_blanks(symbols)
    skip = may_skip(states)
    n_frames, n_states = len(log_probs), len(states)
    best = np.full(n_states, -np.inf)
    best[:2] = log_probs[0, states[:2]]
    forbidden = np.where(skip, 0.0, -np.inf)[2:]
    ways = np.full((3, n_states), -np.inf)  # stay, step, skip
    came_from = np.zeros((n_frames, n_states), dtype=np.int64)
    for t, of_state in enumerate(log_probs[1:, states], start=1):
        ways[0] = best
        ways[1, 1:] = best[:-1]
        ways[2, 2:] = best[:-2] + forbidden
        came_from[t] = ways.argmax(axis=0)
        best = ways.max(axis=0) + of_state
    state = n_states - 1 if n_states == 1 or best[-1] >= best[-2] else n_states - 2
    if best[state] == -np.inf:
        raise ValueError(f"{counted(n_frames, 'frame')} cannot hold a text of {counted(len(symbols), 'letter')}")
    path = [state]
    for t in range(n_frames - 1, 0, -1):
        state -= int(came_from[t, state])
        path.append(state)
    path.reverse()
    return [(path.index(2 * i + 1), n_frames - path[::-1].index(2 * i + 1)) for i in range(len(symbols))]
