"""A list of names, said by synthetic voices. The test hears voices, and one accent, that training never does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from speech import audio
from speech.alphabet import Alphabet, distinct, read_names
from speech.audio import Waveform
from speech.corpus.source import CorpusError, Item, Refusal
from speech.voices.voice import Engine, Voice


@dataclass(frozen=True)
class SyntheticItem(Item):
    voice: Voice
    seed: int  # of the manner: rate, pitch, ...


class Synthetic:
    """Each of ``names`` (a list, or a text file with one a line) said ``n_takes`` times by each voice.

    ``test_accent`` (BCP 47) is heard in the split ``test_accent`` alone. Throats (a voice's variant) are shared
    between accents, so splits are drawn by throat: ``n_val_throats`` for ``val``, ``n_test_throats`` for
    ``test_voices`` and ``test_accent``, the others for ``train``. Of the accents x throats of a split, ``n_train``,
    ``n_val``, ``n_test`` voices are drawn. ``relatives`` of the voices take their place in training, another for each
    clip. ``seed`` decides all of it.
    """

    def __init__(
        self,
        names: Sequence[str] | str,
        engine: Engine,
        test_accent: str,
        n_train: int,
        n_val: int,
        n_test: int,
        n_val_throats: int = 8,
        n_test_throats: int = 12,
        n_takes: int = 1,
        relatives: bool = True,
        seed: int = 0,
    ) -> None:
        self.name = "names"
        self.engine, self.test_accent, self.n_takes, self.relatives, self.seed = (
            engine,
            test_accent,
            n_takes,
            relatives,
            seed,
        )
        self.n_voices = {"train": n_train, "val": n_val, "test_voices": n_test, "test_accent": n_test}
        self.n_throats = {"val": n_val_throats, "test": n_test_throats}
        self.names = read_names(names)

    @property
    def identity(self) -> str:
        return self.engine.identity

    def split_voices(self) -> dict[str, list[Voice]]:
        """The voices of each split; no throat is in two of train, val and test."""
        voices = self.engine.voices()
        rng = np.random.default_rng(self.seed)
        throats = rng.permutation(sorted({voice.variant for voice in voices})).tolist()
        held = self.n_throats["val"] + self.n_throats["test"]
        if held >= len(throats):
            raise CorpusError(
                f"corpus.n_val_throats + n_test_throats = {held} leaves none of {len(throats)} to train on"
            )
        accents = {voice.accent for voice in voices}
        if self.test_accent not in accents:
            raise CorpusError(f"corpus.test_accent={self.test_accent!r} is not one of {', '.join(sorted(accents))}")
        test, val = set(throats[: self.n_throats["test"]]), set(throats[self.n_throats["test"] : held])
        rest = set(throats[held:])
        known = [voice for voice in voices if voice.accent != self.test_accent]
        splits = {
            "train": [voice for voice in known if voice.variant in rest],
            "val": [voice for voice in known if voice.variant in val],
            "test_voices": [voice for voice in known if voice.variant in test],
            "test_accent": [voice for voice in voices if voice.accent == self.test_accent and voice.variant in test],
        }
        return {
            split: [some[i] for i in sorted(rng.permutation(len(some))[: self.n_voices[split]])]
            for split, some in splits.items()
        }

    def items(self, alphabet: Alphabet) -> tuple[list[SyntheticItem], list[Refusal]]:
        folded = [alphabet.fold(name) for name in distinct(self.names, alphabet)]
        items: list[SyntheticItem] = []
        for split, voices in self.split_voices().items():
            for voice in voices:
                for take in range(self.n_takes if split == "train" else 1):
                    for name, letters in zip(self.names, folded, strict=True):
                        id = f"{letters.replace(' ', '_')}-{take}-{voice.accent}+{voice.variant}"
                        seed = self.seed * 10_000_000 + len(items)
                        speaker = replace(voice, relative=seed + 1) if self.relatives and split == "train" else voice
                        items.append(SyntheticItem(id, name, speaker.speaker, voice.accent, split, speaker, seed))
        return items, []

    def render(self, item: SyntheticItem, sample_rate: int) -> Waveform:
        samples, rate = self.engine.speak(item.text, item.voice, np.random.default_rng(item.seed))
        return audio.to_waveform(samples, rate, sample_rate, where=item.id)
