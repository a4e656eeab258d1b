"""Open-set rejection: the out-of-list probability of a clip, for any list of names. numpy only.

Some name of a list is always the likeliest, whether or not it was said. A logistic model estimates this from three
numbers, computed from the clip's log-probabilities and the names' scores (``EVIDENCE``). It is fitted to validation
clips, with and without their names in lists of many sizes (``speech.training.calibration``):

    p(out of list) = 1 / (1 + exp(-(weights[0] + weights[1:] . evidence)))

The first number is a likelihood ratio between the best name and a filler that may spell anything (Rose and Paul 1990),
as in keyword spotting. It is taken per symbol of the name: in noise, where the filler spells nothing, each symbol of a
name costs about the same number of nats, and otherwise *Bo* would be accepted for being short. The margin of the best
name over the second is left out on purpose: it would reject a spoken name whenever the list holds a similar one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from speech.common.counting import counted
from speech.common.ranges import checked_numbers
from speech.inference.decode import collapse
from speech.inference.score import Floats

EVIDENCE = (
    "log_likelihood_ratio",  # log(1 + nats by which the filler path outscores the best name, for every N_SYMBOLS of it)
    "mean_frame_entropy",  # nats, the mean over frames of the entropy over letters: high for noise
    "log_n_names",  # log of the list's length: in a longer list, the best name fits better by chance
)
N_SYMBOLS = 4  # chosen so that the recogniser that ships keeps its weights and its stated rates: docs/results.md
NEVER = 2.0  # no probability reaches it
LARGEST_RATIO = 1e3  # nats: for a name that does not fit into the clip's frames


def filler_path(log_probs: Floats) -> list[int]:
    """The spelling of the likeliest path of ``log_probs``, unconstrained by any list."""
    return collapse(log_probs.argmax(axis=1).tolist())


def mean_frame_entropy(log_probs: Floats) -> float:
    """The mean entropy of the frames of ``log_probs``, in nats: 0 where every symbol is certain."""
    finite = np.maximum(log_probs, -LARGEST_RATIO)  # 0 log 0 is 0 in entropy
    return float(-(np.exp(finite) * finite).sum(axis=1).mean())


def evidence(best_name: float, n_symbols: float, filler: float, entropy: float, n_names: int) -> Floats:
    """``EVIDENCE`` from the score of the best name, its ``n_symbols``, the score of the filler path, the entropy, and
    the length of the list."""
    # A name may outscore the filler path's spelling, and an enrolled name may have been decoded to no symbols.
    ratio = min(max(filler - best_name, 0.0) * N_SYMBOLS / max(n_symbols, 1.0), LARGEST_RATIO)
    return np.array([np.log1p(ratio), entropy, np.log(n_names)])


def probability(weights: Sequence[float] | Floats, evidences: Floats) -> Floats:
    """p(out of list) of each row of ``evidences``, ``(..., len(EVIDENCE))``."""
    # Beyond +-500 the exponential would overflow; within, 1 and 0 are reached long before.
    logit = np.clip(evidences @ np.asarray(weights[1:]) + weights[0], -500, 500)
    return np.asarray(1 / (1 + np.exp(-logit)), np.float64)


@dataclass(frozen=True)
class Rejection:
    """The fitted logistic model, as plain data, and a threshold for each false-accept rate that can be chosen.

    ``weights`` are the bias and one weight for each of ``EVIDENCE``. ``thresholds`` has the false-accept rates as keys
    (``"0.05"``, since it is JSON): that proportion of out-of-list sounds has a lower probability than the threshold.
    ``rejected_from`` is a probability that few names of the list reach (``training.calibration.MISS_RATE``): between
    the two a clip is unsure. It is ``NEVER`` for a recogniser that cannot reject yet.
    """

    weights: Sequence[float]
    thresholds: Mapping[str, float]
    false_accept_rate: str  # the key of the threshold in use
    rejected_from: float

    def __post_init__(self) -> None:
        if len(self.weights) != 1 + len(EVIDENCE):
            raise TypeError(f"{counted(len(self.weights), 'weight')} where {1 + len(EVIDENCE)} are needed")
        for some in (self.weights, [*self.thresholds.values(), self.rejected_from]):
            checked_numbers("rejection", some)
        if self.false_accept_rate not in self.thresholds:
            there = ", ".join(self.thresholds)
            raise ValueError(f"false_accept_rate={self.false_accept_rate}: there are thresholds for {there}")

    def at(self, false_accept_rate: float) -> Rejection:
        """The same with the threshold of another rate. Raises ValueError if the table has none."""
        return replace(self, false_accept_rate=key(false_accept_rate))

    @property
    def threshold(self) -> float:
        return self.thresholds[self.false_accept_rate]

    def probability(self, evidence: Floats) -> float:
        """p(out of list) of a clip with this ``evidence``, ``(len(EVIDENCE),)``."""
        return float(probability(self.weights, evidence))

    def accepts(self, out_of_list: float) -> bool:
        return out_of_list < self.threshold

    def decide(self, out_of_list: float, spelt: bool) -> tuple[bool, bool]:
        """Whether a clip is accepted, and whether it is unsure; if neither, it is rejected as out of list.

        A clip that is not accepted is not rejected for that alone: a recogniser that accepts three quarters of the
        clips of listed names at the false-accept rate would reject the fourth quarter. Below ``rejected_from`` it is
        unsure, to be said again; so is any clip whose letters spell a name of the list (``spelt``).
        """
        accepted = self.accepts(out_of_list)
        return accepted, not accepted and (spelt or out_of_list < self.rejected_from)


def key(false_accept_rate: float) -> str:
    """A rate as the table's key: 0.05 and 5e-2 are the same. A value that is not a number gives no key of the table."""
    return f"{false_accept_rate:g}" if isinstance(false_accept_rate, int | float) else str(false_accept_rate)
