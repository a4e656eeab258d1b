"""Open-set rejection: the proportions of listed and other clips accepted by a threshold on the confidence.

The open-set classification rate (OSCR) curve of Dhamija, Gunther and Boult 2018: the correct-accept rate (clips in the
list that are accepted with the right name first) over the false-accept rate (clips out of the list that are accepted).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speech.evaluation.metrics import Metric, rate
from speech.evaluation.prediction import Prediction
from speech.evaluation.provenance import identity

FALSE_ACCEPT_RATE = 0.05  # at the operating point, at most
N_POINTS = 100  # points of the stored curve

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Rates at rising thresholds; a clip is accepted if its confidence is at least the threshold."""

    threshold: list[float]
    correct_accept_rate: list[float]
    false_accept_rate: list[float]


@dataclass(frozen=True)
class OperatingPoint:
    """The lowest threshold with a false-accept rate of at most FALSE_ACCEPT_RATE.

    It is chosen on the clips it is evaluated on: an upper bound. The threshold in use is calibrated on other clips.
    """

    threshold: float
    correct_accept_rate: Metric
    false_accept_rate: Metric


@dataclass(frozen=True)
class OpenSetReport:
    confidence: str  # the value compared with the threshold
    n_in_list: int  # clips
    n_out_of_list: int
    n_in_list_speakers: int
    n_out_of_list_speakers: int
    curve: Curve
    oscr_area: float  # under the curve
    operating_point: OperatingPoint


def confidences(predictions: Sequence[Prediction]) -> tuple[str, Floats]:
    """The name of the confidence, and its value for each prediction ``(n_clips,)``.

    It is 1 minus the out-of-list probability if every prediction has one, otherwise the first name's probability.
    """
    if all(one.out_of_list is not None for one in predictions):
        return "1 - out-of-list probability", np.array([1 - float(one.out_of_list or 0) for one in predictions])
    return "probability of the first name", np.array([one.names[0][1] for one in predictions])


def open_set(predictions: Sequence[Prediction]) -> OpenSetReport | None:
    """The report on the predictions that have a list; None unless there are both clips in it and clips out of it."""
    ranked = [one for one in predictions if one.names]
    in_list = np.array([one.in_list for one in ranked], dtype=bool)
    if in_list.all() or not in_list.any():
        return None
    name, values = confidences(ranked)
    correct = np.array([one.correct for one in ranked])
    thresholds = np.append(np.unique(values), 2.0)  # the last exceeds every probability: nothing is accepted

    def accept_rate(some: Mask, of: Mask) -> Floats:
        return (some.sum() - np.searchsorted(np.sort(values[some]), thresholds)) / of.sum()

    correct_accepts, false_accepts = accept_rate(in_list & correct, in_list), accept_rate(~in_list, ~in_list)
    between = (correct_accepts[1:] + correct_accepts[:-1]) / 2  # trapezoidal rule; both rates fall
    chosen = int(np.argmax(false_accepts <= FALSE_ACCEPT_RATE))
    accepted, speakers = values >= thresholds[chosen], np.array([identity(one.speaker) for one in ranked])

    def metric(hits: Mask, of: Mask) -> Metric:
        return rate(hits[of].tolist(), speakers[of].tolist())

    kept = np.unique(np.linspace(0, len(thresholds) - 1, N_POINTS + 1).astype(int))
    return OpenSetReport(
        confidence=name,
        n_in_list=int(in_list.sum()),
        n_out_of_list=int((~in_list).sum()),
        n_in_list_speakers=len(np.unique(speakers[in_list])),
        n_out_of_list_speakers=len(np.unique(speakers[~in_list])),
        curve=Curve(*(column[kept].tolist() for column in (thresholds, correct_accepts, false_accepts))),
        oscr_area=-float((between * np.diff(false_accepts)).sum()),
        operating_point=OperatingPoint(
            float(thresholds[chosen]), metric(accepted & correct, in_list), metric(accepted, ~in_list)
        ),
    )
