"""The score that a spotted name has to reach, for each number of false alarms allowed. numpy only.

It is fitted to speech in which no name of the list is said (``scripts/fit_spotting.py``): that many spans per hour
reach the threshold for each name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from speech.common.ranges import checked_numbers


@dataclass(frozen=True)
class Confirmation:
    """The threshold of ``spotting``'s score, nats: at one false alarm an hour, and its change for ten times as many."""

    one_an_hour: float
    tenfold: float  # at most 0

    def __post_init__(self) -> None:
        checked_numbers("confirmation", [self.one_an_hour, self.tenfold])
        if self.tenfold > 0:
            raise ValueError(f"confirmation: tenfold={self.tenfold} must not be over 0")

    def threshold(self, per_hour: float) -> float:
        """The threshold at ``per_hour`` false alarms, above 0."""
        return self.one_an_hour + self.tenfold * math.log10(per_hour)

    @classmethod
    def fitted(cls, scores: Sequence[Sequence[float]], word_hours: Sequence[float]) -> Confirmation:
        """Fitted to the ``scores`` of the false alarms in each kind of speech; ``word_hours`` are hours times names.

        The threshold is the strictest of all kinds. A kind with fewer false alarms than are allowed gives its lowest
        score. Raises ValueError without any false alarm.
        """
        if not any(map(len, scores)):
            raise ValueError("no false alarm at all: more speech, or more names, are needed")
        one, ten = (
            max(_threshold(some, per_hour * hours) for some, hours in zip(scores, word_hours, strict=True))
            for per_hour in (1, 10)
        )
        return cls(one, ten - one)


def _threshold(scores: Sequence[float], n: float) -> float:
    """The middle between the ``n``-th highest of ``scores`` and the next one; above all scores if ``n`` is below 1."""
    ordered = sorted(scores, reverse=True)
    if not ordered:
        return -math.inf
    k = math.floor(n)
    if k >= len(ordered):
        return ordered[-1]
    return (ordered[k - 1] + ordered[k]) / 2 if k else math.nextafter(ordered[0], math.inf)


# For a recogniser to which none was fitted: the one of an earlier recogniser that shipped, fitted to LibriSpeech
# sentences by speakers who are not in its training data.
UNFITTED = Confirmation(-1.2, -0.95)
