"""Names and words in synthetic voices. The test splits have voices, and an accent, that are not in training."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from speech.audio import files
from speech.audio.files import Waveform
from speech.data.source import CorpusError, Item, Refusal
from speech.text.alphabet import Alphabet, plain_letters
from speech.text.confusable import warn_homophones
from speech.text.mnemonics import to_mnemonics
from speech.text.names import Name, distinct, read_names, spoken_texts
from speech.text.spelt_out import warn_spelt_out
from speech.tts.mix import Mix
from speech.tts.voice import Engine, Voice

UNSEEN_SPEAKERS, UNSEEN_ACCENT = "unseen_speakers", "unseen_accent"
PerEngine = int | Mapping[str, int]  # one number for all engines, or one for each


@dataclass(frozen=True)
class SyntheticItem(Item):
    voice: Voice
    seed: int  # for rate, pitch, ...


@dataclass(frozen=True)
class Splits:
    """The voices of each split, and its number of clips.

    The accents of an engine share their variants, so the splits are drawn by variant: ``n_val_variants`` for ``val``,
    ``n_test_variants`` for the two test splits, the others for ``train``. The accent ``unseen_accent`` (BCP 47) is only
    in the split of that name; the test variants in the other accents are ``unseen_speakers``. Each name is spoken by
    ``n_train``, ``n_val`` and, in each test split, ``n_test`` voices drawn from the split's accents x variants; if
    there are fewer voices, they are used repeatedly.
    """

    unseen_accent: str
    n_train: PerEngine
    n_val: PerEngine
    n_test: PerEngine
    n_val_variants: PerEngine
    n_test_variants: PerEngine

    @property
    def n_clips(self) -> dict[str, PerEngine]:
        """The number of clips of each name, by split."""
        return {"train": self.n_train, "val": self.n_val, UNSEEN_SPEAKERS: self.n_test, UNSEEN_ACCENT: self.n_test}

    def assign(self, voices: Sequence[Voice], seed: int) -> dict[str, list[Voice]]:
        """The voices of each split; no variant is in two of train, val and test. Raises CorpusError."""
        accents = sorted({voice.accent for voice in voices})
        if self.unseen_accent not in accents:
            raise CorpusError(f"corpus.unseen_accent={self.unseen_accent!r} is not one of {', '.join(accents)}")
        splits: dict[str, list[Voice]] = {split: [] for split in self.n_clips}
        for engine, own in _by_engine(voices).items():
            variants = np.random.default_rng(seed).permutation(sorted({voice.variant for voice in own})).tolist()
            n_val, n_test = _of(self.n_val_variants, engine), _of(self.n_test_variants, engine)
            if n_val + n_test >= len(variants):
                raise CorpusError(
                    f"corpus.n_val_variants + n_test_variants = {n_val + n_test} leaves none of the {len(variants)} of "
                    f"{engine} to train on"
                )
            test, val = variants[:n_test], variants[n_test : n_test + n_val]
            for voice in own:
                if voice.variant in test:
                    splits[UNSEEN_ACCENT if voice.accent == self.unseen_accent else UNSEEN_SPEAKERS].append(voice)
                elif voice.accent != self.unseen_accent:
                    splits["val" if voice.variant in val else "train"].append(voice)
        return splits


@dataclass(frozen=True)
class Words:
    """Texts that are not in the list of names: ``trained`` in the training split, ``held`` in every other split.

    ``n_train`` is the number of training clips of each text.
    """

    held: list[Name]
    trained: list[Name]
    n_train: PerEngine


class Synthetic:
    """``names`` and ``words`` in the voices of ``engine``. Each training clip has its own shifted variant.

    The random values of a clip depend only on ``seed`` and its text, split and voice: adding a name changes no other
    name's clips.
    """

    def __init__(self, names: Sequence[Name], engine: Engine, splits: Splits, words: Words, seed: int) -> None:
        self.name = "names" if names else "words"
        self.names: list[str] = list(names)
        self.engine, self.splits, self.words, self.seed = engine, splits, words, seed
        for way in (way for name in names for way in name.say):
            to_mnemonics(way)  # raises for an unknown symbol before the first clip is made
        warn_homophones(names)
        warn_spelt_out(names)

    @classmethod
    def from_config(
        cls,
        names: Sequence[str | Mapping[str, Any]] | str,
        engine: Engine,
        unseen_accent: str,
        n_train: PerEngine,
        n_val: PerEngine,
        n_test: PerEngine,
        n_val_variants: PerEngine,
        n_test_variants: PerEngine,
        words: Sequence[str] | str,
        n_held: int,
        n_train_words: PerEngine,
        seed: int,
    ) -> Synthetic:
        """The source that a YAML of ``conf/corpus/`` describes, which is flat because users type its keys.

        ``names`` and ``words`` are arguments of ``read_names``; the first ``n_held`` words are held out.
        """
        read = read_names(names)
        plain = {plain_letters(name) for name in read}
        others = [word for word in read_names(words) if plain_letters(word) not in plain]
        splits = Splits(unseen_accent, n_train, n_val, n_test, n_val_variants, n_test_variants)
        return cls(read, engine, splits, Words(others[:n_held], others[n_held:], n_train_words), seed)

    @property
    def identity(self) -> str:
        return self.engine.identity

    def split_voices(self) -> dict[str, list[Voice]]:
        return self.splits.assign(self.engine.voices(), self.seed)

    def items(self, alphabet: Alphabet) -> tuple[list[SyntheticItem], list[Refusal]]:
        items: list[SyntheticItem] = []
        for split, voices in self.split_voices().items():
            texts: list[str] = [*self.names, *(self.words.trained if split == "train" else self.words.held)]
            folded = [alphabet.fold(text) for text in distinct(texts, alphabet)]
            for engine, own in _by_engine(voices).items():
                for i, (text, letters) in enumerate(zip(texts, folded, strict=True)):
                    is_word = split == "train" and i >= len(self.names)
                    n_clips = _of(self.words.n_train if is_word else self.splits.n_clips[split], engine)
                    order = np.random.default_rng(self._seed(split, engine, letters)).permutation(len(own))
                    for n in range(n_clips):
                        voice = own[order[n % len(own)]]
                        id = f"{letters.replace(' ', '_')}-{n // len(own)}-{voice.accent}+{voice.variant}"
                        seed = self._seed(id)
                        if split == "train":
                            voice = replace(voice, shift_seed=seed + 1)
                        spoken = spoken_texts(text)
                        item = SyntheticItem(id, str(text), voice.speaker, voice.accent, split, voice, seed)
                        items.append(replace(item, say=spoken[seed % len(spoken)]))
        return self._weighted(items), []

    def _seed(self, *what: str) -> int:
        digest = hashlib.sha256("\n".join([str(self.seed), *what]).encode()).digest()
        return int.from_bytes(digest[:6], "big")

    def _weighted(self, items: list[SyntheticItem]) -> list[SyntheticItem]:
        """``items``, with training clips weighted so that each engine of a mix has its proportion of an epoch."""
        if not isinstance(self.engine, Mix):
            return items
        counts = Counter(item.voice.engine for item in items if item.split == "train")
        if counts and (missing := set(self.engine.weights) - set(counts)):
            raise CorpusError(
                f"{', '.join(sorted(missing))} has a weight in voices.weights but no training clip: give it some in "
                "corpus.n_train or corpus.n_train_words, or leave it out of voices"
            )
        weights = {engine: self.engine.weights[engine] / n for engine, n in counts.items()}
        scale = counts.total() / sum(weights[engine] * n for engine, n in counts.items())
        return [
            replace(item, weight=scale * weights[item.voice.engine]) if item.split == "train" else item
            for item in items
        ]

    def render(self, item: SyntheticItem, sample_rate: int) -> Waveform:
        samples, rate = self.engine.speak(item.say, item.voice, np.random.default_rng(item.seed))
        return files.to_waveform(samples, rate, sample_rate, where=item.id)


def _by_engine(voices: Sequence[Voice]) -> dict[str, list[Voice]]:
    found: dict[str, list[Voice]] = {}
    for voice in voices:
        found.setdefault(voice.engine, []).append(voice)
    return found


def _of(number: PerEngine, engine: str) -> int:
    return number if isinstance(number, int) else number.get(engine, 0)
