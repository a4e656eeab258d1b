"""Paired comparison of two recognisers on the same clips: the difference of each metric, with its uncertainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from speech.evaluation.groups import groups
from speech.evaluation.intervals import sign_flips
from speech.evaluation.metrics import Metric, n_edits, ratio
from speech.evaluation.prediction import Prediction
from speech.evaluation.provenance import identity

Pair = tuple[Prediction, Prediction]


@dataclass(frozen=True)
class RateDifference(Metric):
    """The difference of two proportions on the same clips, with its exact p-value ``p`` (``sign_flips``)."""

    n_ours_only: int  # clips that only the first recogniser gets right
    n_theirs_only: int
    p: float


@dataclass(frozen=True)
class Differences:
    """The first recogniser's metrics minus the second's on some clips; closed-set accuracy of clips in both lists."""

    n_clips: int
    n_speakers: int
    exact_match: RateDifference
    cer: Metric
    n_in_list: int
    closed_set_accuracy: RateDifference | None


@dataclass(frozen=True)
class Comparison:
    n_left_out: int  # predictions for clips that the other recogniser lacks
    overall: Differences
    splits: dict[str, Differences]
    groups: dict[str, dict[str, Differences]]  # by each of groups.KINDS


def pairs(ours: Sequence[Prediction], theirs: Sequence[Prediction]) -> list[Pair]:
    """The clips of both, paired by id. Raises ValueError if there are none, or the references of an id differ."""
    other = {one.id: one for one in theirs}
    found = [(one, other[one.id]) for one in ours if one.id in other]
    if not found:
        raise ValueError("the two recognisers have no clip in common: compare them on the same corpus")
    for a, b in found:
        if a.ref != b.ref:
            raise ValueError(f"{a.id}: the reference is {a.ref!r} for one recogniser and {b.ref!r} for the other")
    return found


def differences(found: Sequence[Pair]) -> Differences:
    """The differences on at least one clip. Intervals are of the clip-by-clip difference."""
    speakers = [identity(a.speaker) for a, _ in found]
    edits = [n_edits(a.ref, a.hyp) - n_edits(b.ref, b.hyp) for a, b in found]
    in_list = [(a, b) for a, b in found if a.in_list and b.in_list]
    right = [(a.correct, b.correct) for a, b in in_list]
    return Differences(
        n_clips=len(found),
        n_speakers=len(set(speakers)),
        exact_match=_of_rates([(a.ref == a.hyp, b.ref == b.hyp) for a, b in found], speakers),
        cer=ratio(edits, [len(a.ref) for a, _ in found], speakers),
        n_in_list=len(in_list),
        closed_set_accuracy=_of_rates(right, [identity(a.speaker) for a, _ in in_list]) if in_list else None,
    )


def _of_rates(right: Sequence[tuple[bool, bool]], speakers: Sequence[str]) -> RateDifference:
    apart = [int(a) - int(b) for a, b in right]
    change, ours_only, theirs_only = ratio(apart, [1] * len(apart), speakers), apart.count(1), apart.count(-1)
    low, high = max(change.low, -1.0), min(change.high, 1.0)
    return RateDifference(change.value, low, high, ours_only, theirs_only, sign_flips(apart, speakers))


def compare(ours: Mapping[str, Sequence[Prediction]], theirs: Mapping[str, Sequence[Prediction]]) -> Comparison:
    """Compare ``ours`` with ``theirs``: predictions by split, from ``predict_splits``."""
    by_split = {split: pairs(some, theirs[split]) for split, some in ours.items()}
    every = [pair for some in by_split.values() for pair in some]
    other = {a.id: b for a, b in every}
    return Comparison(
        n_left_out=sum(map(len, ours.values())) + sum(map(len, theirs.values())) - 2 * len(every),
        overall=differences(every),
        splits={split: differences(some) for split, some in by_split.items()},
        groups={
            kind: {group: differences([(one, other[one.id]) for one in some]) for group, some in by_group.items()}
            for kind, by_group in groups(a for a, _ in every).items()
        },
    )
