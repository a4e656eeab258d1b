"""Which speakers, accents and engines a recogniser was trained on, and whether those of a clip are among them.

A recogniser's file holds ``trained_on``: the speakers, accents and engines of the clips that trained it, and of those
that chose its epoch, since a choice is training, too. What cannot be known is "unknown": "unseen" is never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from speech.data.dataset import Clip, Speaker
from speech.evaluation.prediction import Prediction

SEEN, UNSEEN, UNKNOWN = "seen", "unseen", "unknown"
NO_ACCENT = ("", "en")  # of a clip whose accent nobody stated (data.build)
NO_SPEAKER = ("unknown",)  # of a recording whose file does not name the speaker (data.recordings)

TrainingRecord = Mapping[str, Sequence[str]]  # "speakers", "accents", "engines"; empty where it is not known


@dataclass(frozen=True)
class SeenInTraining:
    """Of a group of clips: SEEN where any of its speakers (...) was in training, UNSEEN where surely none was."""

    speaker: str
    accent: str
    engine: str

    @property
    def unseen(self) -> list[str]:
        return [what for what, how in vars(self).items() if how == UNSEEN]


def engine(speaker: str) -> str:
    """What made the sound: the part of the speaker's name before the first colon, ``person`` without one.

    Synthetic voices are called ``engine:...`` (``tts.voice.Voice.speaker``); recordings have the speaker's own name.
    """
    before, colon, _ = speaker.partition(":")
    return before if colon else "person"


def source_speakers(speaker: str) -> set[str]:
    """The voice without its accent: ``espeak:en-US+m3~17`` -> ``espeak:m3``; a person is a person.

    A blend of voices (``kokoro:en-GB+bella*0.6+george*0.4``) is each of them: training on a blend has seen its parts.
    """
    before, colon, voice = speaker.partition(":")
    if not colon:
        return {speaker}
    own = voice.partition("~")[0]
    variant = own.partition("+")[2] or own
    return {f"{before}:{part}" for part in re.findall(r"[A-Za-z_][\w-]*", variant) or [variant]}


def identity(speaker: str) -> str:
    """As speakers are counted: a voice in several accents (``espeak:en-US+m3``, ``espeak:en-GB+m3``) is one."""
    return " ".join(sorted(source_speakers(speaker)))


def record(clips: Iterable[Clip | Speaker | Prediction], before: TrainingRecord | None = None) -> dict[str, list[str]]:
    """The record of training on ``clips``, added to the record ``before`` of a recogniser that is fine-tuned.

    ``before`` is None for training from scratch. Fine-tuning a recogniser without a record gives none.
    """
    if before is not None and not before:
        return {}
    found = _record(clips)
    return {key: sorted(values | set((before or {}).get(key, ()))) for key, values in found.items()}


def seen_in_training(clips: Iterable[Clip | Speaker | Prediction], trained_on: TrainingRecord | None) -> SeenInTraining:
    """Whether the speakers, accents and engines of ``clips`` were in training, by a recogniser's record."""
    ours, theirs = _record(clips), trained_on or {}
    if not all(theirs.get(key) for key in ours):
        return SeenInTraining(UNKNOWN, UNKNOWN, UNKNOWN)
    unstated = {"speakers": NO_SPEAKER, "accents": NO_ACCENT, "engines": ()}
    return SeenInTraining(*(_seen(values, set(theirs[key]), set(unstated[key])) for key, values in ours.items()))


def _record(clips: Iterable[Clip | Speaker | Prediction]) -> dict[str, set[str]]:
    known = list(clips)
    return {
        "speakers": set().union(*(source_speakers(clip.speaker) for clip in known)),
        "accents": {clip.accent for clip in known},
        "engines": {engine(clip.speaker) for clip in known},
    }


def _seen(values: set[str], known: set[str], unstated: set[str]) -> str:
    if (values - unstated) & known:
        return SEEN
    return UNKNOWN if unstated & (values | known) else UNSEEN  # an unstated one, here or in training, may be anybody
