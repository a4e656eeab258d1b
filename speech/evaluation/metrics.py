"""How well names were heard: exact match, character error rate, right within the list; by group, with intervals."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from rapidfuzz.distance import Levenshtein

from speech.evaluation.intervals import bootstrap, proportion

LEAST_CLIPS = 10  # of a group that can be the worst: of fewer, chance decides
SNR_DB = (10, 20, 30)  # edges of the bands
LENGTH_S = (0.5, 0.75, 1.0)
KINDS = ("speaker", "accent", "engine", "snr", "length")  # by which clips are grouped, beside split and name
UNKNOWN = "unknown"
NO_ACCENT = ("", "en")  # what a clip has whose accent nobody stated (corpus.build)


class Prediction(NamedTuple):
    """One clip judged: what was said (``text``, in the alphabet) and what was heard."""

    id: str
    speaker: str
    text: str
    letters: str
    names: list[tuple[str, float]]  # folded, best first; empty where there was no list
    accent: str = ""  # BCP 47, "" where it is not known
    seconds: float | None = None  # of the end-pointed clip
    snr_db: float | None = None  # an estimate: speech.audio.snr
    none: float | None = None  # probability that it was none of the list, where that was calibrated

    @property
    def listed(self) -> bool:
        """Whether there is a list, and what was said is in it."""
        return any(name == self.text for name, _ in self.names)

    @property
    def right(self) -> bool:
        """Whether what was said is ranked first."""
        return bool(self.names) and self.names[0][0] == self.text


def engine(speaker: str) -> str:
    """What made the sound: what stands before the first colon of the speaker, ``person`` where there is none.

    Synthetic voices are called ``engine:...`` (``voices.voice.Voice.speaker``); recordings have the speaker's own name.
    """
    before, colon, _ = speaker.partition(":")
    return before if colon else "person"


def n_edits(text: str, letters: str) -> int:
    """Fewest insertions, deletions and substitutions from one to the other (Levenshtein 1966)."""
    return Levenshtein.distance(text, letters)


def cer(pairs: Sequence[tuple[str, str]]) -> float:
    """Character error rate of ``(text, letters)`` pairs: all edits over all letters that were said."""
    return sum(n_edits(text, letters) for text, letters in pairs) / max(1, sum(len(text) for text, _ in pairs))


def figures(heard: Sequence[Prediction]) -> dict[str, Any]:
    """``exact_match`` and ``cer`` of all clips, ``closed_set_accuracy`` of those whose text is in the list.

    Each with its count (``n_clips``; ``n_listed``) and its 95 % interval (``..._interval``, see ``intervals``).
    """
    n, speakers = len(heard), [one.speaker for one in heard]
    perfect = [one.text == one.letters for one in heard]
    edits = [n_edits(one.text, one.letters) for one in heard]
    n_letters = [len(one.text) for one in heard]
    found: dict[str, Any] = {
        "n_clips": n,
        "n_speakers": len(set(speakers)),
        "exact_match": sum(perfect) / max(1, n),
        "letter_perfect_interval": proportion(perfect, speakers),
        "cer": sum(edits) / max(1, sum(n_letters)),
    }
    if n:
        found["cer_interval"] = bootstrap(edits, n_letters, speakers)
    listed = [one for one in heard if one.listed]
    if listed:
        right = [one.right for one in listed]
        found |= {
            "n_listed": len(listed),
            "closed_set_accuracy": sum(right) / len(listed),
            "right_within_list_interval": proportion(right, [one.speaker for one in listed]),
        }
    return found


def groups(heard: Iterable[Prediction]) -> dict[str, dict[str, list[Prediction]]]:
    """The clips by each of KINDS: every clip is in one group of each kind. Bands rise, the others are in order."""
    found: dict[str, dict[str, list[Prediction]]] = {kind: {} for kind in KINDS}
    bands = {"snr": _bands(SNR_DB, "dB"), "length": _bands(LENGTH_S, "s")}
    for one in heard:
        place = {
            "speaker": one.speaker,
            "accent": UNKNOWN if one.accent in NO_ACCENT else one.accent,
            "engine": engine(one.speaker),
        }
        place["snr"] = _band(one.snr_db, SNR_DB, bands["snr"])
        place["length"] = _band(one.seconds, LENGTH_S, bands["length"])
        for kind in KINDS:
            found[kind].setdefault(place[kind], []).append(one)
    order = {kind: bands.get(kind, sorted(some)) for kind, some in found.items()}
    return {
        kind: {group: some[group] for group in [*order[kind], UNKNOWN] if group in some} for kind, some in found.items()
    }


def _bands(edges: Sequence[float], unit: str) -> list[str]:
    between = [f"{low:g} to {high:g} {unit}" for low, high in itertools.pairwise(edges)]
    return [f"under {edges[0]:g} {unit}", *between, f"{edges[-1]:g} {unit} and over"]


def _band(value: float | None, edges: Sequence[float], labels: Sequence[str]) -> str:
    return UNKNOWN if value is None else labels[sum(value >= edge for edge in edges)]


def worst_group(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, Any] | None:
    """Of ``{kind: {group: figures}}``, the group that is least often right, with its ``kind`` and ``group``.

    Right within the list, or letter-perfect where no clip has a list; of at least LEAST_CLIPS clips, else None. Clips
    of which nobody knows what they have in common are no group.
    """
    listed = any("n_listed" in one for some in found.values() for one in some.values())
    figure, count = ("closed_set_accuracy", "n_listed") if listed else ("exact_match", "n_clips")
    candidates = [
        {"kind": kind, "group": group, "figure": figure, **one}
        for kind, some in found.items()
        for group, one in some.items()
        if one.get(count, 0) >= LEAST_CLIPS and group != UNKNOWN
    ]
    return min(candidates, key=lambda one: (one[figure], -one[count]), default=None)


def least_right(some: Mapping[str, Mapping[str, Any]], n: int) -> dict[str, Mapping[str, Any]]:
    """The ``n`` groups of a kind that are least often right, the worst first; letter-perfect where one has no list."""
    worst = sorted(some, key=lambda group: some[group].get("closed_set_accuracy", some[group]["exact_match"]))
    return {group: some[group] for group in worst[:n]}


def confusions(heard: Iterable[Prediction]) -> list[dict[str, Any]]:
    """``said``, ``heard`` and ``n`` of each wrong first name where the right one is listed; most frequent first."""
    pairs = Counter((one.text, one.names[0][0]) for one in heard if one.listed and not one.right)
    ordered = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
    return [{"said": said, "heard": name, "n": n} for (said, name), n in ordered]
