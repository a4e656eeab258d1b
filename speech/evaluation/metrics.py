"""Exact match, character error rate (CER) and closed-set accuracy, each with its 95 % interval; confusions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from speech.evaluation.intervals import proportion, ratio_interval, wilson
from speech.evaluation.prediction import Prediction
from speech.evaluation.provenance import SeenInTraining, TrainingRecord, identity, seen_in_training


@dataclass(frozen=True)
class Metric:
    """A value, and the ends of its 95 % interval (``intervals``)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Scores:
    """The metrics of some clips.

    ``exact_match`` is the proportion of clips whose hypothesis is the reference, ``cer`` the number of edits divided by
    the number of letters in the references. ``closed_set_accuracy`` is the proportion of the ``n_in_list`` clips, whose
    reference is in the list, with the reference ranked first; None if there are no such clips.
    """

    n_clips: int
    n_speakers: int
    exact_match: Metric
    cer: Metric
    n_in_list: int
    closed_set_accuracy: Metric | None
    seen_in_training: SeenInTraining

    @property
    def accuracy(self) -> Metric:
        """The metric for comparing groups: closed-set accuracy, or exact match if no clip's name is in a list."""
        return self.closed_set_accuracy or self.exact_match


@dataclass(frozen=True)
class Confusion:
    """The number of clips of one name for which another name is ranked first."""

    ref: str
    hyp: str
    n: int


def n_edits(ref: str, hyp: str) -> int:
    """The fewest insertions, deletions and substitutions from one to the other (Levenshtein 1966)."""
    return Levenshtein.distance(ref, hyp)


def rate(hits: Sequence[bool], speakers: Sequence[str]) -> Metric:
    """The proportion of ``hits``, one per clip, over at least one clip."""
    return Metric(sum(hits) / len(hits), *proportion(hits, speakers))


def ratio(above: Sequence[float], below: Sequence[float], speakers: Sequence[str]) -> Metric:
    """``sum(above) / sum(below)``, with one value of each per clip."""
    return Metric(sum(above) / sum(below), *ratio_interval(above, below, speakers))


def error_rate(edits: Sequence[int], letters: Sequence[int], speakers: Sequence[str]) -> Metric:
    """All edits over all letters. If no two clips differ (no errors, or only blanks), the interval is Wilson's."""
    found = ratio(edits, letters, speakers)
    if found.high - found.low > 1e-9:
        return found
    low, high = wilson(min(found.value, 1.0) * len(edits), len(edits))
    return Metric(found.value, low, max(high, found.value))


def scores(predictions: Sequence[Prediction], trained_on: TrainingRecord | None = None) -> Scores:
    """The scores of at least one clip. ``trained_on`` is the recogniser's record (``provenance``)."""
    speakers = [identity(one.speaker) for one in predictions]
    in_list = [one for one in predictions if one.in_list]
    return Scores(
        n_clips=len(predictions),
        n_speakers=len(set(speakers)),
        exact_match=rate([one.ref == one.hyp for one in predictions], speakers),
        cer=error_rate(
            [n_edits(one.ref, one.hyp) for one in predictions], [len(one.ref) for one in predictions], speakers
        ),
        n_in_list=len(in_list),
        closed_set_accuracy=rate([one.correct for one in in_list], [identity(one.speaker) for one in in_list])
        if in_list
        else None,
        seen_in_training=seen_in_training(predictions, trained_on),
    )


def confusions(predictions: Iterable[Prediction]) -> list[Confusion]:
    """Each pair of a reference in the list and another name ranked first; the most frequent pair first."""
    pairs = Counter((one.ref, one.names[0][0]) for one in predictions if one.in_list and not one.correct)
    return [Confusion(*pair, n) for pair, n in sorted(pairs.items(), key=lambda item: (-item[1], item[0]))]
