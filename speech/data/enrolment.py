"""A few recordings of somebody's names: some are learnt from, the others show what that was worth."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from speech.data.recordings import Folder, Recording
from speech.data.source import CorpusError, Refusal
from speech.text.alphabet import Alphabet

HELD_BACK = "test_held_back"


class Enrolment(Folder):
    """``root/<name>/*.{wav,flac,ogg,mp3}``, of each speaker and name ``n_recordings`` for ``train``.

    They are drawn by ``seed``; the others are ``test_held_back``. Of a name with too few for both, ``n_held_back`` are
    held back first; if that leaves none to learn from, one is learnt from all the same: a warning tells it by name.
    A recording that lies there twice is taken once, since its copy could be on the other side. ``speakers``, if given,
    are those whose recordings are used.
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
        self.n_recordings, self.n_held_back = n_recordings, n_held_back
        self.speakers = None if speakers is None else set(speakers)

    def splits_of(self, speakers: set[str]) -> dict[str, str]:
        """Every speaker is on both sides here: what is drawn is recordings."""
        return dict.fromkeys(speakers, "train")

    def items(self, alphabet: Alphabet) -> tuple[list[Recording], list[Refusal]]:
        every, refused = super().items(alphabet)
        if self.speakers is not None:
            there = {item.speaker for item in every}
            if missing := self.speakers - there:
                raise CorpusError(
                    f"corpus.speakers: {', '.join(sorted(missing))} said nothing in {self.root}; there are "
                    f"{', '.join(sorted(there))}: is corpus.speaker_pattern right?"
                )
            every = [item for item in every if item.speaker in self.speakers]
        kept, copies = _without_copies(every)
        groups: dict[tuple[str, str], list[int]] = {}
        for i, item in enumerate(kept):
            groups.setdefault((alphabet.fold(item.text), item.speaker), []).append(i)
        rng = np.random.default_rng(self.seed)
        held: set[int] = set()
        few = []
        for (_, speaker), some in groups.items():
            n_train = max(1, min(self.n_recordings, len(some) - self.n_held_back))
            held |= {some[i] for i in rng.permutation(len(some))[n_train:]}
            if n_train < self.n_recordings or len(some) - n_train < self.n_held_back:
                few.append(f"{kept[some[0]].text} by {speaker}: {n_train} learnt from, {len(some) - n_train} held back")
        if few:
            asked = f"corpus.n_recordings={self.n_recordings} and corpus.n_held_back={self.n_held_back}"
            warnings.warn(f"too few recordings for {asked}: {'; '.join(few)}", stacklevel=2)
        split = [replace(item, split=HELD_BACK) if i in held else item for i, item in enumerate(kept)]
        return split, refused + copies


def _without_copies(items: list[Recording]) -> tuple[list[Recording], list[Refusal]]:
    """``items`` with each file's bytes once, and a refusal for each copy."""
    seen: dict[str, str] = {}
    kept, copies = [], []
    for item in items:
        digest = hashlib.sha256(Path(item.path).read_bytes()).hexdigest()
        if digest in seen:
            copies.append(Refusal(item.path, f"{item.path}: the same recording as {seen[digest]}: it is taken once"))
        else:
            seen[digest] = item.path
            kept.append(item)
    return kept, copies
