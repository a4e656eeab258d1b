"""Detection error trade-off (DET): the rate of refused clips of listed names against that of accepted other clips.

Martin et al. 1997: both rates at every threshold, on axes on which two normal distributions give a straight line. A
clip is accepted if its out-of-list probability is below the threshold, whichever name is first. The other clips are
clips whose name is not in the list, and the listed clips again, ranked in their list without their own name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from speech.evaluation.metrics import Metric, rate
from speech.evaluation.prediction import Prediction
from speech.evaluation.provenance import identity
from speech.inference.rejection import Rejection

OUT_OF_LIST, LEFT_OUT = "clips out of the list", "listed clips, their name left out"
N_POINTS = 100  # points of the stored curve
probit = np.vectorize(NormalDist().inv_cdf, otypes=[float])  # for rates strictly between 0 and 1


@dataclass(frozen=True)
class DetCurve:
    """Rates at rising thresholds."""

    threshold: list[float]
    false_accept_rate: list[float]
    false_reject_rate: list[float]


@dataclass(frozen=True)
class StatedRate:
    """The rates that the recogniser's threshold for a stated false-accept rate gives on these clips."""

    stated: str  # the key of Rejection.thresholds
    shipped: bool  # whether this threshold is in use
    threshold: float
    false_accept_rate: Metric
    false_reject_rate: Metric


@dataclass(frozen=True)
class DetectionReport:
    n_listed: int  # clips, and their speakers
    n_listed_speakers: int
    n_others: int
    n_others_speakers: int
    equal_error_rate: float  # where the two rates are closest, their mean
    curve: DetCurve
    stated_rates: list[StatedRate]


def detection(predictions: Sequence[Prediction], rejection: Rejection | None) -> dict[str, DetectionReport]:
    """The report for each kind of other clips, against all listed clips.

    ``rejection`` is the recogniser's, with its thresholds; without one, or without listed clips, there are no reports.
    """
    speakers = [identity(one.speaker) for one in predictions]
    known = [(one, who) for one, who in zip(predictions, speakers, strict=True) if one.out_of_list is not None]
    listed = [(one.out_of_list, who) for one, who in known if one.in_list]
    kinds: dict[str, list[tuple[float | None, str]]] = {
        OUT_OF_LIST: [(one.out_of_list, who) for one, who in known if not one.in_list],
        LEFT_OUT: [(one.out_of_list_without, who) for one, who in known if one.out_of_list_without is not None],
    }
    if rejection is None or not listed:
        return {}
    return {kind: _report(_Trials(listed), _Trials(others), rejection) for kind, others in kinds.items() if others}


class _Trials:
    def __init__(self, some: Sequence[tuple[float | None, str]]) -> None:
        self.out_of_list = np.array([p for p, _ in some], dtype=float)
        self.speakers = [who for _, who in some]

    def accepted(self, thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
        """The proportion of trials below each of ``thresholds``."""
        return np.searchsorted(np.sort(self.out_of_list), thresholds) / len(self.speakers)


def _report(listed: _Trials, others: _Trials, rejection: Rejection) -> DetectionReport:
    values = np.unique(np.concatenate([listed.out_of_list, others.out_of_list]))
    thresholds = np.append(values, np.nextafter(values[-1], np.inf))  # from nothing to everything accepted
    false_accepts, false_rejects = others.accepted(thresholds), 1 - listed.accepted(thresholds)
    closest = int(np.abs(false_accepts - false_rejects).argmin())
    kept = spread(false_accepts, false_rejects, 1 / (2 * max(len(listed.speakers), len(others.speakers))))
    return DetectionReport(
        n_listed=len(listed.speakers),
        n_listed_speakers=len(set(listed.speakers)),
        n_others=len(others.speakers),
        n_others_speakers=len(set(others.speakers)),
        equal_error_rate=float(false_accepts[closest] + false_rejects[closest]) / 2,
        curve=DetCurve(*(some[kept].tolist() for some in (thresholds, false_accepts, false_rejects))),
        stated_rates=[
            StatedRate(
                stated,
                stated == rejection.false_accept_rate,
                threshold,
                rate((others.out_of_list < threshold).tolist(), others.speakers),
                rate((listed.out_of_list >= threshold).tolist(), listed.speakers),
            )
            for stated, threshold in rejection.thresholds.items()
        ],
    )


def spread(false_accepts: NDArray[np.float64], false_rejects: NDArray[np.float64], least: float) -> NDArray[np.int64]:
    """Indices of at most ``N_POINTS`` points, evenly spread along the drawn curve; rates are clipped at ``least``."""
    x, y = (probit(np.clip(some, least, 1 - least)) for some in (false_accepts, false_rejects))
    along = np.cumsum(np.abs(np.diff(x, prepend=x[0])) + np.abs(np.diff(y, prepend=y[0])))
    return np.unique(np.searchsorted(along, np.linspace(0, along[-1], N_POINTS)))
