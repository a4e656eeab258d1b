"""What a spotted name has to score: the threshold of each number of false alarms that is let pass. numpy only.

Fitted to speech in which no name of the list is said (``scripts/fit_spotting.py``): so many spans an hour score as high
for each name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from speech.common.ranges import checked_numbers


@dataclass(frozen=True)
class Confirmation:
    """Of ``spotting``'s confirmed score, nats: at one false alarm an hour, and what is added for ten times as many."""

    one_an_hour: float
    tenfold: float  # at most 0

    def __post_init__(self) -> None:
        checked_numbers("confirmation", [self.one_an_hour, self.tenfold])
        if self.tenfold > 0:
            raise ValueError(f"confirmation: tenfold={self.tenfold} is over 0")

    def threshold(self, per_hour: float) -> float:
        """At ``per_hour``, above 0."""
        return self.one_an_hour + self.tenfold * math.log10(per_hour)

    @classmethod
    def fitted(cls, scores: Sequence[Sequence[float]], word_hours: Sequence[float]) -> Confirmation:
        """From the ``scores`` of false alarms of each kind of speech, and how many hours times names it has.

        The strictest of the kinds' thresholds; where there are fewer false alarms than are let pass, the lowest that
        was seen. Raises ValueError without any.
        """
        if not any(map(len, scores)):
            raise ValueError("no false alarm at all: more speech, or more names, are needed")
        one, ten = (
            max(_threshold(some, per_hour * hours) for some, hours in zip(scores, word_hours, strict=True))
            for per_hour in (1, 10)
        )
        return cls(one, ten - one)


def _threshold(scores: Sequence[float], n: float) -> float:
    """In the middle between the last of the ``n`` highest of ``scores`` and the next; over all for less than one."""
    ordered = sorted(scores, reverse=True)
    if not ordered:
        return -math.inf
    k = math.floor(n)
    if k >= len(ordered):
        return ordered[-1]
    return (ordered[k - 1] + ordered[k]) / 2 if k else math.nextafter(ordered[0], math.inf)


# Of a recogniser that it was not fitted to: that of an earlier one that shipped, on sentences of LibriSpeech by
# speakers who are not in its training.
UNFITTED = Confirmation(-1.2, -0.95)
