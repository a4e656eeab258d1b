"""Whom a recogniser was trained on, and so which clips are of somebody whom it never met.

A recogniser's file holds ``trained_on``: the speakers, accents and engines of the clips that it was trained on, and of
those that chose its epoch, for a choice is learning, too. ``met`` says of a group of clips whether any of its speakers,
accents or engines is among them. Where that cannot be known, it says so: "unseen" is never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from speech.evaluation.metrics import NO_ACCENT, Prediction, engine

SEEN, UNSEEN, UNKNOWN = "seen", "unseen", "unknown"
UNNAMED = "unknown"  # the speaker of a recording whose file does not say who it is (corpus.recordings)

TrainedOn = dict[str, list[str]]


def source_speakers(speaker: str) -> set[str]:
    """Whose voice it is, whatever accent it puts on: ``espeak:en-US+m3~17`` -> ``espeak:m3``; a person is a person.

    A blend of voices (``kokoro:en-GB+bella*0.6+george*0.4``) is each of them: who knows a blend has met its parts.
    """
    before, colon, voice = speaker.partition(":")
    if not colon:
        return {speaker}
    own = voice.partition("~")[0]
    variant = own.partition("+")[2] or own
    return {f"{before}:{part}" for part in re.findall(r"[A-Za-z_][\w-]*", variant) or [variant]}


def record(clips: Iterable[Any], before: Mapping[str, Sequence[str]] | None = None) -> TrainedOn:
    """Of clips with ``speaker`` and ``accent``, and of what the recogniser knew ``before`` it was trained on them.

    None for one that began from chance. Going on from a recogniser without a record gives none.
    """
    if before is not None and not before:
        return {}
    known = list(clips)
    found = {
        "speakers": set().union(*(source_speakers(clip.speaker) for clip in known)),
        "accents": {clip.accent for clip in known},
        "engines": {engine(clip.speaker) for clip in known},
    }
    return {key: sorted(values | set((before or {}).get(key, ()))) for key, values in found.items()}


def met(heard: Iterable[Prediction], trained_on: Mapping[str, Sequence[str]] | None) -> dict[str, str]:
    """``speaker``, ``accent`` and ``engine``: SEEN where any clip's was in training, UNSEEN where surely none was."""
    clips = list(heard)
    if not trained_on or not all(trained_on.get(key) for key in ("speakers", "accents", "engines")):
        return dict.fromkeys(("speaker", "accent", "engine"), UNKNOWN)
    return {
        "speaker": _met(
            set().union(*(source_speakers(one.speaker) for one in clips)), trained_on["speakers"], (UNNAMED,)
        ),
        "accent": _met({one.accent for one in clips}, trained_on["accents"], NO_ACCENT),
        "engine": _met({engine(one.speaker) for one in clips}, trained_on["engines"], ()),
    }


def _met(values: set[str], known: Sequence[str], unstated: Sequence[str]) -> str:
    stated = values - set(unstated)
    if stated & set(known):
        return SEEN
    # An unstated one, here or in training, may be anybody.
    return UNKNOWN if stated != values or set(unstated) & set(known) else UNSEEN
