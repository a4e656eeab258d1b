"""A few recordings of names by a person: some for fine-tuning, the others for evaluation."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from speech.common.escape import printable
from speech.data.recordings import Folder, Recording
from speech.data.source import CorpusError, Refusal
from speech.text.alphabet import Alphabet

HELD_BACK = "held_back"


class Enrolment(Folder):
    """``root/<name>/*.wav``, or other sound files: ``n_recordings`` of each speaker and name are for ``train``.

    They are drawn by ``seed``; the others are ``held_back``. If a name has too few for both, at least ``n_held_back``
    are held back, but at least one is for training, and a warning names it. A copy of a recording is refused, since it
    could be in the other split. ``speakers``, if given, are the speakers whose recordings are used.
    """

    def __init__(
        self,
        root: str,
        n_recordings: int = 5,
        n_held_back: int = 1,
        speaker_pattern: str = "^([^_]+)_",
        speakers: Sequence[str] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(root, speaker_pattern, seed=seed)
        self.name = "enrolment"
        for key, value, least in (("n_recordings", n_recordings, 1), ("n_held_back", n_held_back, 0)):
            if value < least:
                raise CorpusError(f"corpus.{key}={value}: it must be at least {least}")
        if isinstance(speakers, str):
            raise CorpusError(f"corpus.speakers={speakers}: one text; give a list of speakers: [{speakers}]")
        self.n_recordings, self.n_held_back = n_recordings, n_held_back
        self.speakers = None if speakers is None else set(speakers)

    def splits_of(self, speakers: set[str]) -> dict[str, str]:
        """``train`` for every speaker; ``items`` then draws recordings, so that every speaker is in both splits."""
        return dict.fromkeys(speakers, "train")

    def items(self, alphabet: Alphabet) -> tuple[list[Recording], list[Refusal]]:
        every, refused = super().items(alphabet)
        if self.speakers is not None:
            there = {item.speaker for item in every}
            if missing := self.speakers - there:
                raise CorpusError(
                    f"corpus.speakers: no recording by {', '.join(sorted(missing))} in {self.root}; there are "
                    f"recordings by {', '.join(sorted(there))}: is corpus.speaker_pattern right?"
                )
            every = [item for item in every if item.speaker in self.speakers]
        originals, copies = _without_copies(every)
        groups: dict[tuple[str, str], list[int]] = {}
        for i, item in enumerate(originals):
            groups.setdefault((alphabet.fold(item.text), item.speaker), []).append(i)
        rng = np.random.default_rng(self.seed)
        held: set[int] = set()
        few = []
        for (_, speaker), some in groups.items():
            n_train = max(1, min(self.n_recordings, len(some) - self.n_held_back))
            held |= {some[i] for i in rng.permutation(len(some))[n_train:]}
            if n_train < self.n_recordings or len(some) - n_train < self.n_held_back:
                name, n_held = originals[some[0]].text, len(some) - n_train
                few.append(f"{name} by {speaker}: {n_train} for training, {n_held} held back")
        if few:
            asked = f"corpus.n_recordings={self.n_recordings} and corpus.n_held_back={self.n_held_back}"
            warnings.warn(printable(f"too few recordings for {asked}: {'; '.join(few)}"), stacklevel=2)
        split = [replace(item, split=HELD_BACK) if i in held else item for i, item in enumerate(originals)]
        return split, refused + copies


def _without_copies(items: list[Recording]) -> tuple[list[Recording], list[Refusal]]:
    """``items`` of distinct content, and a refusal for each copy or unreadable file."""
    seen: dict[str, str] = {}
    originals, copies = [], []
    for item in items:
        try:
            with open(item.path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            copies.append(Refusal(item.path, f"{item.path}: not readable ({error.strerror})"))
            continue
        if digest in seen:
            copies.append(Refusal(item.path, f"{item.path}: a copy of {seen[digest]}"))
        else:
            seen[digest] = item.path
            originals.append(item)
    return originals, copies
