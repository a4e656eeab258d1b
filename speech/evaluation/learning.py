"""Has a training taught the network anything? Its predictions for validation clips, against silence and chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from speech.evaluation.intervals import wilson
from speech.evaluation.prediction import Prediction


@dataclass(frozen=True)
class Unlearnt:
    """Of ``n_clips`` validation clips, ``n_silent`` have no letter and ``n_correct`` their name first in the list.

    By ``chance``, one answer for every clip, that proportion is right. ``way_out`` is what to add to the command.
    """

    n_clips: int
    n_silent: int
    n_correct: int
    chance: float
    way_out: str


def unlearnt(predictions: Sequence[Prediction], way_out: str) -> Unlearnt | None:
    """Why a network counts as unlearnt: only blanks, or closed-set accuracy that chance explains; None otherwise.

    Chance is to answer each of the ``predictions`` with the commonest of their names: 1 / n of n equally common ones.
    It explains an accuracy whose 95 % interval begins below it, unless so few clips could not show otherwise. The
    interval is of clips (``wilson``): that a network which knows nothing is right does not depend on the speaker.
    """
    n = len(predictions)
    n_silent, n_correct = sum(not one.hyp for one in predictions), sum(one.correct for one in predictions)
    chance = max(Counter(one.ref for one in predictions).values(), default=0) / max(1, n)
    by_chance = wilson(n_correct, n)[0] <= chance < wilson(n, n)[0]
    return Unlearnt(n, n_silent, n_correct, chance, way_out) if n and (n_silent == n or by_chance) else None
