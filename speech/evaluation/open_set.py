"""Accepting a name or saying that it is none of the list: what a threshold on the recogniser's confidence does.

The open-set classification rate curve (Dhamija, Gunther and Boult 2018): the share of the list's clips that are
accepted and right, against the share of clips that are not in it and are accepted all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech.evaluation.intervals import proportion
from speech.evaluation.metrics import Prediction

FALSE_ACCEPTANCE = 0.05  # that an operating point may have
N_POINTS = 100  # of the curve as it is written


def scores(heard: Sequence[Prediction]) -> tuple[str, NDArray[np.float64]]:
    """What is compared with the threshold, in words and for each clip ``(n_clips,)``.

    One less the probability of none of these where every clip has it, else the first name's probability.
    """
    if all(one.none is not None for one in heard):
        return "1 - probability of none of these", np.array([1 - float(one.none or 0) for one in heard])
    return "probability of the first name", np.array([one.names[0][1] for one in heard])


def acceptance(heard: Sequence[Prediction]) -> dict[str, Any] | None:
    """The curve as plain data, None where no clip has a list or none is in it.

    ``curve`` holds rising thresholds (``threshold``; accepted is a score of at least it), ``correct_accept_rate`` and
    ``wrong_accept_rate`` (of the clips in the list) and ``false_accept_rate`` (of those that are not; null where there
    are none). ``oscr_area`` lies under ``correct_accept_rate`` over ``false_accept_rate``. ``operating_point`` is the
    lowest threshold with at most FALSE_ACCEPTANCE, with intervals: chosen on these very clips, it says what could be
    had; a threshold to use is chosen on others.
    """
    ranked = [one for one in heard if one.names]
    listed = np.array([one.listed for one in ranked], dtype=bool)
    if not listed.any():
        return None
    score, values = scores(ranked)
    right = np.array([one.right for one in ranked])
    curve = _curve(values, listed, right)
    found: dict[str, Any] = {"score": score, "n_listed": int(listed.sum()), "n_not_listed": int((~listed).sum())}
    if not listed.all():
        accepts, rights = curve["false_accept_rate"][::-1], curve["correct_accept_rate"][::-1]  # rising
        found["oscr_area"] = float(((rights[1:] + rights[:-1]) / 2 * np.diff(accepts)).sum())
        first = int(np.argmax(curve["false_accept_rate"] <= FALSE_ACCEPTANCE))  # the last point accepts nothing
        threshold = curve["threshold"][first]
        accepted = values >= threshold
        speakers = np.array([one.speaker for one in ranked])
        found["operating_point"] = {"threshold": float(threshold)}
        for figure, of, hits in (
            ("correct_accept_rate", listed, accepted & right),
            ("false_accept_rate", ~listed, accepted),
        ):
            found["operating_point"] |= {
                figure: float(hits[of].mean()),
                f"{figure}_interval": proportion(hits[of].tolist(), speakers[of].tolist()),
            }
    kept = np.unique(np.linspace(0, len(curve["threshold"]) - 1, N_POINTS + 1).astype(int))
    found["curve"] = {key: [float(value) for value in column[kept]] for key, column in curve.items()}
    if listed.all():
        found["curve"]["false_accept_rate"] = None
    return found


def _curve(
    values: NDArray[np.float64], listed: NDArray[np.bool_], right: NDArray[np.bool_]
) -> dict[str, NDArray[np.float64]]:
    """At every threshold that makes a difference, and one above all of them (2, which no probability reaches)."""
    thresholds = np.append(np.unique(values), 2.0)

    def accepted(some: NDArray[np.bool_], n: int) -> NDArray[np.float64]:
        return (some.sum() - np.searchsorted(np.sort(values[some]), thresholds)) / max(1, n)

    n_listed = int(listed.sum())
    return {
        "threshold": thresholds,
        "correct_accept_rate": accepted(listed & right, n_listed),
        "wrong_accept_rate": accepted(listed & ~right, n_listed),
        "false_accept_rate": accepted(~listed, len(values) - n_listed),
    }
