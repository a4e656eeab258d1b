"""Two recognisers on the same clips: what each gets right that the other does not, and how sure the difference is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from speech.evaluation.intervals import bootstrap, mcnemar
from speech.evaluation.metrics import Prediction, groups, n_edits

Pair = tuple[Prediction, Prediction]


def pairs(ours: Sequence[Prediction], theirs: Sequence[Prediction]) -> list[Pair]:
    """The clips that both heard, by id. Raises ValueError where there is none, or one id says two things."""
    other = {one.id: one for one in theirs}
    found = [(one, other[one.id]) for one in ours if one.id in other]
    if not found:
        raise ValueError("the two recognisers heard no clip in common")
    for a, b in found:
        if a.text != b.text:
            raise ValueError(f"{a.id}: it says {a.text!r} to one recogniser and {b.text!r} to the other")
    return found


def difference(found: Sequence[Pair]) -> dict[str, Any]:
    """Ours less theirs, in ``exact_match``, ``cer`` and ``closed_set_accuracy`` (of clips in both lists).

    Each with the 95 % interval of the difference (``..._interval``), both drawn on the same clips. Of the shares also
    how many clips ``..._ours_only`` and ``..._theirs_only`` got right, and McNemar's exact ``..._p``.
    """
    speakers = [a.speaker for a, _ in found]
    edits = [n_edits(a.text, a.letters) - n_edits(b.text, b.letters) for a, b in found]
    n_letters = [len(a.text) for a, _ in found]
    result: dict[str, Any] = {"n_clips": len(found), "n_speakers": len(set(speakers))}
    result |= {"cer": sum(edits) / sum(n_letters), "cer_interval": bootstrap(edits, n_letters, speakers)}
    result |= _of_shares("exact_match", [(a.text == a.letters, b.text == b.letters) for a, b in found], speakers)
    listed = [(a, b) for a, b in found if a.listed and b.listed]
    if listed:
        right = [(a.right, b.right) for a, b in listed]
        result["n_listed"] = len(listed)
        result |= _of_shares("closed_set_accuracy", right, [a.speaker for a, _ in listed])
    return result


def _of_shares(figure: str, right: Sequence[tuple[bool, bool]], speakers: Sequence[str]) -> dict[str, Any]:
    apart = [int(a) - int(b) for a, b in right]
    ours_only, theirs_only = apart.count(1), apart.count(-1)
    return {
        figure: sum(apart) / len(apart),
        f"{figure}_interval": bootstrap(apart, [1] * len(apart), speakers),
        f"{figure}_ours_only": ours_only,
        f"{figure}_theirs_only": theirs_only,
        f"{figure}_p": mcnemar(ours_only, theirs_only),
    }


def compare(ours: Mapping[str, Sequence[Prediction]], theirs: Mapping[str, Sequence[Prediction]]) -> dict[str, Any]:
    """``difference`` of all clips together, by split, by name, and by each kind of ``metrics.groups``."""
    by_split = {split: pairs(heard, theirs[split]) for split, heard in ours.items()}
    every = [pair for some in by_split.values() for pair in some]
    other = {a.id: b for a, b in every}
    n_all = sum(map(len, ours.values()))
    by_name: dict[str, list[Pair]] = {}
    for pair in every:
        by_name.setdefault(pair[0].text, []).append(pair)
    return difference(every) | {
        "n_left_out": n_all - len(every) + sum(map(len, theirs.values())) - len(every),
        "splits": {split: difference(some) for split, some in by_split.items()},
        "names": {text: difference(by_name[text]) for text in sorted(by_name)},
        "groups": {
            kind: {group: difference([(one, other[one.id]) for one in some]) for group, some in by.items()}
            for kind, by in groups(a for a, _ in every).items()
        },
    }
