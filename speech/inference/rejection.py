"""None of these: the probability that a clip is no name of the list, whatever the list. numpy only.

Within a list some name is always the likeliest. Whether it was said at all shows in three numbers of the clip's
log-probabilities and the names' scores (``EVIDENCE``); a logistic model of these, fitted on validation clips with and
without their names in lists of many sizes (``calibration``), gives the probability:

    p(none) = 1 / (1 + exp(-(weights[0] + weights[1:] . evidence)))

The first is a likelihood ratio between the best name and a filler that may spell anything (Rose and Paul 1990, as
keyword spotters have it since). The lead of the first name over the second is left out with intent: it refuses a
name that was said whenever the list holds another that sounds alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from speech.inference.decode import collapse
from speech.inference.score import Floats

EVIDENCE = (
    "log_likelihood_ratio",  # log(1 + nats that the freest reading explains the clip better than the best name does)
    "mean_frame_entropy",  # nats, the mean over frames of the entropy of the letters: noise is spelt half-heartedly
    "n_names",  # log of their number: the longer a list, the nearer it comes to anything by chance
)
FARTHEST = 1e3  # nats: a name that the clip's frames cannot hold


def filler_path(log_probs: Floats) -> list[int]:
    """What the likeliest path of ``log_probs`` spells: what the clip says if no list binds it."""
    return collapse(log_probs.argmax(axis=1).tolist())


def mean_frame_entropy(log_probs: Floats) -> float:
    """The mean entropy of the frames of ``log_probs``, in nats: 0 where every symbol is certain."""
    certain = np.maximum(log_probs, -FARTHEST)  # 0 log 0 is 0 in entropy
    return float(-(np.exp(certain) * certain).sum(axis=1).mean())


def evidence(best: float, free: float, uncertain: float, n_names: int) -> Floats:
    """``EVIDENCE`` from the scores of the best name and of the ``freest`` reading, ``doubt``, and the list's length."""
    deficit = min(max(free - best, 0.0), FARTHEST)  # a name may fit better than the letters of the one likeliest path
    return np.array([np.log1p(deficit), uncertain, np.log(n_names)])


def probability(weights: Sequence[float] | Floats, evidences: Floats) -> Floats:
    """p(none) of each row of ``evidences``, ``(..., len(EVIDENCE))``."""
    # Beyond +-500 the exponential would overflow; within, 1 and 0 are reached long before.
    logit = np.clip(evidences @ np.asarray(weights[1:]) + weights[0], -500, 500)
    return np.asarray(1 / (1 + np.exp(-logit)), np.float64)


@dataclass(frozen=True)
class Rejection:
    """What was calibrated, as plain data: the logistic model, and what to refuse for a stated false-acceptance rate.

    ``weights`` are the bias and one for each of ``EVIDENCE``. ``thresholds`` are by false-acceptance rate
    (``"0.05"``, a key of JSON): of sounds that are no name of the list, so many have a p(none) below.
    """

    weights: Sequence[float]
    thresholds: Mapping[str, float]
    false_accept_rate: str  # which of the thresholds is used

    def __post_init__(self) -> None:
        if len(self.weights) != 1 + len(EVIDENCE):
            raise TypeError(f"{len(self.weights)} weights where {1 + len(EVIDENCE)} are needed")
        if self.false_accept_rate not in self.thresholds:
            there = ", ".join(self.thresholds)
            raise ValueError(f"false_accept_rate={self.false_accept_rate}: there are thresholds for {there}")

    def at(self, false_accept_rate: float) -> Rejection:
        """The same with the threshold of another rate. Raises ValueError where the table has none."""
        return Rejection(self.weights, self.thresholds, key(false_accept_rate))

    @property
    def threshold(self) -> float:
        return self.thresholds[self.false_accept_rate]

    def none(self, seen: Floats) -> float:
        """p(none of these) of a clip of which ``evidence`` was ``seen``."""
        return float(probability(self.weights, seen))

    def accepts(self, none: float) -> bool:
        return none < self.threshold


def key(false_accept_rate: float) -> str:
    """A rate as the table's key: 0.05 and 5e-2 are the same."""
    return f"{false_accept_rate:g}"
