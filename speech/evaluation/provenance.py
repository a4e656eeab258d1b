"""The speakers, accents and engines that a recogniser was trained on, and whether those of a clip are among them.

A recogniser's file holds ``trained_on``: the speakers, accents and engines of the clips that trained it, and of those
used to choose its epoch, since that choice is training too. If it cannot be known, the answer is "unknown": "unseen" is
never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from speech.data.dataset import Clip, Speaker
from speech.evaluation.prediction import Prediction

SEEN, UNSEEN, UNKNOWN = "seen", "unseen", "unknown"
NO_ACCENT = ("", "en")  # for a clip whose accent is not stated (data.build)
NO_SPEAKER = ("unknown",)  # for a recording whose file does not name the speaker (data.recordings)

TrainingRecord = Mapping[str, Sequence[str]]  # "speakers", "accents", "engines"; empty if unknown


@dataclass(frozen=True)
class SeenInTraining:
    """For a group of clips: SEEN if any of its speakers (...) was in training, UNSEEN if certainly none was."""

    speaker: str
    accent: str
    engine: str

    @property
    def unseen(self) -> list[str]:
        return [what for what, how in vars(self).items() if how == UNSEEN]


def engine(speaker: str) -> str:
    """The source of the sound: the part of the speaker's name before the first colon, or ``person`` without a colon.

    Synthetic voices are called ``engine:...`` (``tts.voice.Voice.speaker``); recordings have the speaker's own name.
    """
    before, colon, _ = speaker.partition(":")
    return before if colon else "person"


def source_speakers(speaker: str) -> set[str]:
    """The voice without its accent: ``espeak:en-US+m3~17`` -> ``espeak:m3``; a person's name is returned unchanged.

    A blend of voices (``kokoro:en-GB+bella*0.6+george*0.4``) gives each of them: training on it has seen its parts.
    """
    before, colon, voice = speaker.partition(":")
    if not colon:
        return {speaker}
    own = voice.partition("~")[0]
    variant = own.partition("+")[2] or own
    return {f"{before}:{part}" for part in re.findall(r"[A-Za-z_][\w-]*", variant) or [variant]}


def identity(speaker: str) -> str:
    """The speaker for counting: a voice in several accents (``espeak:en-US+m3``, ``espeak:en-GB+m3``) counts once."""
    return " ".join(sorted(source_speakers(speaker)))


def record(clips: Iterable[Clip | Speaker | Prediction], before: TrainingRecord | None = None) -> dict[str, list[str]]:
    """The record of training on ``clips``, added to the record ``before`` of the recogniser that is fine-tuned.

    ``before`` is None for training from scratch. Fine-tuning a recogniser without a record gives an empty one.
    """
    if before is not None and not before:
        return {}
    found = _record(clips)
    return {key: sorted(values | set((before or {}).get(key, ()))) for key, values in found.items()}


def seen_in_training(clips: Iterable[Clip | Speaker | Prediction], trained_on: TrainingRecord | None) -> SeenInTraining:
    """Whether the speakers, accents and engines of ``clips`` were in training, according to a recogniser's record."""
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
    return UNKNOWN if unstated & (values | known) else UNSEEN  # an unstated value, here or in training, may be any
