"""Whether the network has learnt anything: its predictions for validation clips against silence and chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from speech.evaluation.intervals import wilson
from speech.evaluation.prediction import Prediction


@dataclass(frozen=True)
class Unlearnt:
    """Of ``n_clips`` validation clips, ``n_silent`` have no letters and ``n_correct`` have their name ranked first.

    ``chance`` is the proportion that one answer for every clip gets right. ``way_out`` is what to add to the command.
    """

    n_clips: int
    n_silent: int
    n_correct: int
    chance: float
    way_out: str


def unlearnt(predictions: Sequence[Prediction], way_out: str) -> Unlearnt | None:
    """Why a network counts as unlearnt: only blanks, or a closed-set accuracy that chance explains; None otherwise.

    Chance is the accuracy of answering every clip with the most common name: 1 / n for n equally common ones. It
    explains an accuracy whose 95 % interval begins below it, unless there are too few clips to show anything else. The
    interval is over clips (``wilson``): whether a network that has learnt nothing is right does not depend on speakers.
    """
    n = len(predictions)
    n_silent, n_correct = sum(not one.hyp for one in predictions), sum(one.correct for one in predictions)
    chance = max(Counter(one.ref for one in predictions).values(), default=0) / max(1, n)
    by_chance = wilson(n_correct, n)[0] <= chance < wilson(n, n)[0]
    return Unlearnt(n, n_silent, n_correct, chance, way_out) if n and (n_silent == n or by_chance) else None
