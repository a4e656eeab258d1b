"""The calibration of out-of-list probabilities: the report on a rejection, and its reliability table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speech.inference.score import Floats

N_BINS = 10


@dataclass(frozen=True)
class ReliabilityBin:
    """Trials with about the same out-of-list probability."""

    n_trials: int
    proportion: float  # of all trials, by weight
    mean_probability: float
    out_of_list: float  # the proportion that was out of list


@dataclass(frozen=True)
class CalibrationReport:
    """The data to which a rejection was fitted, and the proportions it accepts of names that the fit did not see.

    ``thresholds`` are by false-accept rate (``"0.05"``), ``accepted`` by that rate and kind of sound. Sounds with a
    probability of ``rejected_from`` or more are rejected; ``rejected`` has their proportion by kind.
    """

    n_names: int
    n_clips: int  # validation clips
    n_speakers: int
    n_trials: int
    weights: dict[str, float]  # of the logistic model, by the kind of evidence
    false_accept_rate: str  # the rate whose threshold is used
    thresholds: dict[str, float]
    rejected_from: float
    accepted: dict[str, dict[str, float]]
    rejected: dict[str, float]
    expected_calibration_error: float
    reliability: list[ReliabilityBin]


@dataclass(frozen=True)
class NotCalibrated:
    reason: str


def reliability(
    out_of_list: NDArray[np.bool_], weights: Floats, probabilities: Floats
) -> tuple[float, list[ReliabilityBin]]:
    """The expected calibration error, and its bins, of ``probabilities`` ``(n_trials,)`` that a trial is out of list.

    The error is the weighted mean over trials of |mean probability - proportion out of list| in their bin (Naeini,
    Cooper and Hauskrecht 2015).
    """
    weights = weights / weights.sum()
    of_bin = np.minimum((probabilities * N_BINS).astype(int), N_BINS - 1)
    bins = []
    for i in range(N_BINS):
        inside = of_bin == i
        if proportion := float(weights[inside].sum()):
            mean, true = (float(weights[inside] @ some[inside]) / proportion for some in (probabilities, out_of_list))
            bins.append(ReliabilityBin(int(inside.sum()), proportion, mean, true))
    return sum(one.proportion * abs(one.mean_probability - one.out_of_list) for one in bins), bins
