"""Grouping of clips by name, speaker, accent, engine, SNR and duration; and the worst group."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from speech.evaluation.metrics import Scores
from speech.evaluation.prediction import Prediction
from speech.evaluation.provenance import NO_ACCENT, UNKNOWN, engine

LEAST_CLIPS = 10  # in a group that can be the worst: with fewer, chance decides
SNR_DB = (10, 20, 30)  # edges of the bands
DURATION_S = (0.5, 0.75, 1.0)
KINDS = ("name", "speaker", "accent", "engine", "snr", "duration")  # the groupings of clips


@dataclass(frozen=True)
class WorstGroup:
    kind: str
    group: str
    scores: Scores


def groups(predictions: Iterable[Prediction]) -> dict[str, dict[str, list[Prediction]]]:
    """The clips by each of KINDS: every clip is in one group of each kind. Bands are ascending, other groups sorted."""
    bands = {"snr": _bands(SNR_DB, "dB"), "duration": _bands(DURATION_S, "s")}
    found: dict[str, dict[str, list[Prediction]]] = {kind: {} for kind in KINDS}
    for one in predictions:
        place = {
            "name": one.ref,
            "speaker": one.speaker,
            "accent": UNKNOWN if one.accent in NO_ACCENT else one.accent,
            "engine": engine(one.speaker),
            "snr": _band(one.snr_db, SNR_DB, bands["snr"]),
            "duration": _band(one.duration_s, DURATION_S, bands["duration"]),
        }
        for kind, group in place.items():
            found[kind].setdefault(group, []).append(one)
    order = {kind: [*bands.get(kind, sorted(some.keys() - {UNKNOWN})), UNKNOWN] for kind, some in found.items()}
    return {kind: {group: some[group] for group in order[kind] if group in some} for kind, some in found.items()}


def _bands(edges: Sequence[float], unit: str) -> list[str]:
    between = [f"{low:g} to {high:g} {unit}" for low, high in itertools.pairwise(edges)]
    return [f"under {edges[0]:g} {unit}", *between, f"{edges[-1]:g} {unit} and over"]


def _band(value: float | None, edges: Sequence[float], labels: Sequence[str]) -> str:
    return UNKNOWN if value is None else labels[sum(value >= edge for edge in edges)]


def worst_group(kinds: Mapping[str, Mapping[str, Scores]]) -> WorstGroup | None:
    """The group of ``{kind: {group: scores}}`` with the lowest accuracy and at least LEAST_CLIPS clips, if any.

    Accuracy is closed-set accuracy, or exact match if no clip's name is in a list. Clips whose group is unknown do not
    count as a group.
    """
    every = [WorstGroup(kind, group, one) for kind, some in kinds.items() for group, one in some.items()]
    closed_set = any(one.scores.n_in_list for one in every)

    def count(one: WorstGroup) -> int:
        return one.scores.n_in_list if closed_set else one.scores.n_clips

    candidates = [one for one in every if count(one) >= LEAST_CLIPS and one.group != UNKNOWN]
    return min(candidates, key=lambda one: (one.scores.accuracy.value, -count(one)), default=None)


def worst(some: Mapping[str, Scores], n: int) -> dict[str, Scores]:
    """The ``n`` groups of a kind with the lowest accuracy, the lowest first."""
    return {group: some[group] for group in sorted(some, key=lambda group: some[group].accuracy.value)[:n]}
