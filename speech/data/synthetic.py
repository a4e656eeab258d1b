"""Names, and words, said by synthetic voices. The test hears voices, and one accent, that training never does."""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from speech.audio import files
from speech.audio.files import Waveform
from speech.data.source import CorpusError, Item, Refusal
from speech.text.alphabet import Alphabet
from speech.text.confusable import homophones
from speech.text.espeak import to_mnemonics
from speech.text.names import distinct, read_names
from speech.tts.mix import Mix
from speech.tts.voice import Engine, Voice

PerEngine = int | Mapping[str, int]  # one number for all engines, or one for each


@dataclass(frozen=True)
class SyntheticItem(Item):
    voice: Voice
    seed: int  # of the manner: rate, pitch, ...


class Synthetic:
    """Each of ``names`` (a list or a text file, as ``read_names`` takes it) said by ``n_train`` voices of each engine,
    in one of the ways that are given for it.

    ``words`` are heard as well, in training alone, save ``n_held`` of them that are heard everywhere but there; they
    are not among the names to choose from. Without names, what is learnt is to spell whatever is said.

    ``test_accent`` (BCP 47) is heard in the split ``test_accent`` alone. Throats (a voice's variant) are shared
    between accents, so splits are drawn by variant: ``n_val_variants`` for ``val``, ``n_test_variants`` for
    ``test_voices`` and ``test_accent``, the others for ``train``. For each text, ``n_train``, ``n_val``, ``n_test`` of
    the accents x variants of a split are drawn, beginning anew where there are fewer. With ``formant_shift``,
    each training clip has a shifted variant of its own. ``n_train_words`` is as ``n_train``, for words.

    All chance of a clip comes from ``seed`` and what the clip is, so that another name changes no other's clips.
    """

    def __init__(
        self,
        names: Sequence[str | Mapping[str, Any]] | str,
        engine: Engine,
        test_accent: str,
        n_train: PerEngine,
        n_val: PerEngine,
        n_test: PerEngine,
        n_val_variants: PerEngine = 8,
        n_test_variants: PerEngine = 12,
        formant_shift: bool = True,
        words: Sequence[str] | str = (),
        n_held: int = 0,
        n_train_words: PerEngine = 1,
        seed: int = 0,
    ) -> None:
        self.name = "names" if names else "words"
        self.engine, self.test_accent, self.formant_shift, self.seed = engine, test_accent, formant_shift, seed
        self.n_voices = {"train": n_train, "val": n_val, "test_voices": n_test, "test_accent": n_test}
        self.n_variants = {"val": n_val_variants, "test": n_test_variants}
        named = read_names(names) if names else []
        self.names: list[str] = list(named)
        self.pronunciations = {str(name): name.say for name in named if name.say}  # each clip draws one
        for way in (way for ways in self.pronunciations.values() for way in ways):
            to_mnemonics(way)  # a symbol that is no sound is told now, not by the first clip that says it
        own = set(self.names)
        for pair in homophones(named):
            warnings.warn(f"{pair.alike}: no ear tells them apart", stacklevel=2)
        others = [str(word) for word in (read_names(words) if words else []) if word not in own]
        self.held_words, self.words, self.n_train_words = others[:n_held], others[n_held:], n_train_words

    @property
    def identity(self) -> str:
        return self.engine.identity

    def split_voices(self) -> dict[str, list[Voice]]:
        """The voices of each split; no variant is in two of train, val and test."""
        voices = self.engine.voices()
        accents = sorted({voice.accent for voice in voices})
        if self.test_accent not in accents:
            raise CorpusError(f"corpus.test_accent={self.test_accent!r} is not one of {', '.join(accents)}")
        splits: dict[str, list[Voice]] = {split: [] for split in self.n_voices}
        for engine in dict.fromkeys(voice.engine for voice in voices):
            own = [voice for voice in voices if voice.engine == engine]
            variants = np.random.default_rng(self.seed).permutation(sorted({voice.variant for voice in own})).tolist()
            n_val, n_test = _of(self.n_variants["val"], engine), _of(self.n_variants["test"], engine)
            if n_val + n_test >= len(variants):
                raise CorpusError(
                    f"corpus.n_val_variants + n_test_variants = {n_val + n_test} leaves none of {len(variants)} of "
                    f"{engine} to train on"
                )
            test, val = variants[:n_test], variants[n_test : n_test + n_val]
            for voice in own:
                if voice.variant in test:
                    splits["test_accent" if voice.accent == self.test_accent else "test_voices"].append(voice)
                elif voice.accent != self.test_accent:
                    splits["val" if voice.variant in val else "train"].append(voice)
        return splits

    def items(self, alphabet: Alphabet) -> tuple[list[SyntheticItem], list[Refusal]]:
        items: list[SyntheticItem] = []
        for split, voices in self.split_voices().items():
            words = self.words if split == "train" else self.held_words
            folded = [alphabet.fold(text) for text in distinct([*self.names, *words], alphabet)]
            for engine in dict.fromkeys(voice.engine for voice in voices):
                own = [voice for voice in voices if voice.engine == engine]
                for i, (text, letters) in enumerate(zip([*self.names, *words], folded, strict=True)):
                    word = split == "train" and i >= len(self.names)
                    n_clips = _of(self.n_train_words if word else self.n_voices[split], engine)
                    order = np.random.default_rng(self._seed(split, engine, letters)).permutation(len(own))
                    for take in range(n_clips):
                        voice = own[order[take % len(own)]]
                        id = f"{letters.replace(' ', '_')}-{take // len(own)}-{voice.accent}+{voice.variant}"
                        seed = self._seed(id)
                        if self.formant_shift and split == "train":
                            voice = replace(voice, shift_seed=seed + 1)
                        ways = self.pronunciations.get(text, (text,))
                        say = ways[seed % len(ways)]
                        items.append(
                            SyntheticItem(id, str(text), voice.speaker, voice.accent, split, voice, seed, say=say)
                        )
        return self._weighted(items), []

    def _seed(self, *what: str) -> int:
        digest = hashlib.sha256("\n".join([str(self.seed), *what]).encode()).digest()
        return int.from_bytes(digest[:6], "big")

    def _weighted(self, items: list[SyntheticItem]) -> list[SyntheticItem]:
        """Training clips, weighted so that each engine of a mix is heard as often as its weight says."""
        if not isinstance(self.engine, Mix):
            return items
        counts = Counter(item.voice.engine for item in items if item.split == "train")
        if counts and (silent := set(self.engine.weights) - set(counts)):
            raise CorpusError(
                f"{', '.join(sorted(silent))} has a weight in voices.weights, and no clip of training: say how many in "
                "corpus.n_train or corpus.n_train_words, or leave it out of voices"
            )
        share = {engine: self.engine.weights[engine] / n for engine, n in counts.items()}
        scale = counts.total() / sum(share[engine] * n for engine, n in counts.items())
        return [
            replace(item, weight=scale * share[item.voice.engine]) if item.split == "train" else item for item in items
        ]

    def render(self, item: SyntheticItem, sample_rate: int) -> Waveform:
        samples, rate = self.engine.speak(item.say, item.voice, np.random.default_rng(item.seed))
        return files.to_waveform(samples, rate, sample_rate, where=item.id)


def _of(number: PerEngine, engine: str) -> int:
    return number if isinstance(number, int) else number.get(engine, 0)
