"""Clips, and batches of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from speech.audio.files import Waveform
from speech.data.augment.light import Augment
from speech.data.augment.room import Room
from speech.data.augment.spec import Spans
from speech.data.augment.strength import FULL_STRENGTH
from speech.data.concatenation import Concatenation, SequenceSampler
from speech.data.samplers import BucketSampler, EpochSampler, Step
from speech.text.alphabet import Alphabet
from speech.text.phones import Inventory
from speech.text.pronunciation import phonemize


class Clip(NamedTuple):
    """One clip of a corpus; 16-bit samples take half the memory of floats."""

    id: str
    name: str  # in its usual spelling
    speaker: str
    accent: str
    samples: NDArray[np.int16]
    weight: float = 1.0  # expected number of times in an epoch
    say: str = ""  # the text that was read; "": the name
    rate: int = 0  # Hz, of the original recording; 0: unknown, or a synthetic voice

    @property
    def waveform(self) -> Waveform:
        return self.samples.astype(np.float32) / np.float32(32768)


class Spoken(NamedTuple):
    """The text and accent that all clips of a kind share."""

    name: str
    say: str
    accent: str


class Speaker(NamedTuple):
    speaker: str
    accent: str


class Index(NamedTuple):
    """The metadata of all clips of a split, without their sound: a few bytes per clip."""

    lengths: NDArray[np.int64]  # samples
    weights: NDArray[np.float64]
    spoken: list[Spoken]
    kinds: NDArray[np.int64]  # the index in ``spoken`` of each clip
    speakers: set[Speaker]
    shards: list[list[int]]  # for each folder, the number of clips of each shard; empty for clips in memory

    @classmethod
    def of(cls, clips: Sequence[Clip]) -> Index:
        numbers: dict[Spoken, int] = {}
        kinds = [numbers.setdefault(Spoken(clip.name, clip.say, clip.accent), len(numbers)) for clip in clips]
        return cls(
            np.array([len(clip.samples) for clip in clips], dtype=np.int64),
            np.array([clip.weight for clip in clips], dtype=float),
            list(numbers),
            np.array(kinds, dtype=np.int64),
            {Speaker(clip.speaker, clip.accent) for clip in clips},
            [],
        )


class Stored(Sequence[Clip]):
    """Clips that are not in memory."""

    listing: Index
    n_open = 1  # number of shards kept in memory


class Each(Sequence[Any]):
    """A value for each clip, stored once for all clips of a kind."""

    def __init__(self, of_kinds: Sequence[Any], kinds: NDArray[np.int64]) -> None:
        self._of_kinds, self._kinds = of_kinds, kinds

    def __len__(self) -> int:
        return len(self._kinds)

    def __getitem__(self, i: Any) -> Any:
        return self._of_kinds[self._kinds[i]]

    def distinct(self) -> Sequence[Any]:
        return self._of_kinds


class Batch(NamedTuple):
    waveforms: Tensor  # float32 (batch, n_samples), right-padded with 0
    n_samples: Tensor  # int64 (batch,)
    targets: Tensor  # int64 (batch, n_letters), right-padded with 0
    n_letters: Tensor  # int64 (batch,)
    texts: list[str]
    speakers: list[str]
    ids: list[str]
    spans: Spans | None = None  # masked features
    phones: Tensor | None = None  # int64 (batch, n_phones), right-padded with 0; None for a recogniser without phones
    n_phones: Tensor | None = None  # int64 (batch,)
    spare: bool = False  # whether its clip does not count, as in samplers.Step


class ClipDataset(Dataset[Batch]):
    """The clips of a split; indexed with a Step it gives a batch, augmented by ``augment`` if given.

    With ``concatenate`` its batches consist of sequences, and the texts of a sequence's clips are joined by spaces.
    ``inventory`` has the recogniser's phones, if any: a clip's phones are the pronunciation of ``say`` in its accent.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        alphabet: Alphabet,
        sample_rate: int,
        augment: Augment | Room | None = None,
        seed: int = 0,
        inventory: Inventory | None = None,
        concatenate: Concatenation | None = None,
    ) -> None:
        self.clips, self.sample_rate, self.augment, self.seed = clips, sample_rate, augment, seed
        self.concatenate, self._between = concatenate, " " if " " in alphabet.letters else ""
        self._space = [alphabet.letters.index(" ") + 1] if self._between else []
        self.index = clips.listing if isinstance(clips, Stored) else Index.of(clips)
        spoken, kinds = self.index.spoken, self.index.kinds
        self.texts = Each([alphabet.fold(one.name) for one in spoken], kinds)
        self.targets = Each([alphabet.encode(one.name) for one in spoken], kinds)
        self.phones = None
        if inventory:
            keys = [(one.say or one.name, one.accent) for one in spoken]
            # Accent by accent, since changing espeak's voice takes ten times as long as phonemizing a name.
            phones = {one: inventory.encode(phonemize(*one)) for one in sorted(set(keys), key=lambda one: one[::-1])}
            self.phones = Each([phones[one] for one in keys], kinds)

    def __len__(self) -> int:
        """The number of clips that can be drawn."""
        return int(np.count_nonzero(self.index.weights)) if self.index.shards else len(self.clips)

    def named(self) -> dict[str, str]:
        """The name of each folded text, in its usual spelling."""
        return dict(zip(self.texts.distinct(), (one.name for one in self.index.spoken), strict=True))

    def sampler(self, batch_size: int, n_steps: int = 1) -> EpochSampler:
        """The sampler of training batches, at least ``n_steps`` per epoch; sequences do not use ``batch_size``."""
        of = self.index
        if self.concatenate is not None:
            return SequenceSampler(of.lengths, of.weights, self.concatenate, self.sample_rate, self.seed, n_steps)
        sampler = BucketSampler(
            of.lengths, batch_size, self.seed, weights=of.weights, shards=of.shards, n_steps=n_steps
        )
        if isinstance(self.clips, Stored):
            self.clips.n_open = sampler.n_open
        return sampler

    def sample(self, n_batches: int, batch_size: int) -> Iterator[Batch]:
        """Batches of clips drawn by weight, augmented at full strength; every call gives the same batches."""
        weights = self.index.weights
        rng = np.random.default_rng(self.seed)
        drawn: Iterator[Sequence[int | tuple[int, ...]]]
        # The first batches of an epoch: clips drawn from everywhere would each be in another shard.
        if self.index.shards or self.concatenate is not None:
            drawn = (step.clips for step in islice(self.sampler(batch_size), n_batches))
        else:
            p = weights / weights.sum()
            drawn = (rng.choice(len(self), batch_size, p=p).tolist() for _ in range(n_batches))
        for number, clips in enumerate(drawn):
            yield self[Step(0, number, clips, n_before=FULL_STRENGTH)]

    def __getitem__(self, step: Step) -> Batch:
        # Each of several processes augments its own clips, with other random numbers.
        rng = np.random.default_rng([self.seed, step.epoch, step.number, *([step.rank] if step.rank else [])])
        sequences = [one if isinstance(one, tuple) else (one,) for one in step.clips]
        clips = [[self.clips[i] for i in some] for some in sequences]
        waveforms = [self._waveform([clip.waveform for clip in some], rng) for some in clips]
        spans = None
        if self.augment is not None:
            waveforms, spans = self.augment.batch(waveforms, self.sample_rate, rng, step.n_before)
        phones, n_phones = None, None
        if self.phones:
            phones, n_phones = _padded([_joined([self.phones[i] for i in some], []) for some in sequences])
        return Batch(
            _pad([torch.from_numpy(waveform) for waveform in waveforms]),
            torch.tensor([len(waveform) for waveform in waveforms]),
            *_padded([_joined([self.targets[i] for i in some], self._space) for some in sequences]),
            [self._between.join(self.texts[i] for i in some) for some in sequences],
            ["+".join(clip.speaker for clip in some) for some in clips],
            ["+".join(clip.id for clip in some) for some in clips],
            spans,
            phones,
            n_phones,
            step.spare,
        )

    def _waveform(self, waveforms: list[Waveform], rng: np.random.Generator) -> Waveform:
        return waveforms[0] if self.concatenate is None else self.concatenate(waveforms, self.sample_rate, rng)


def _joined(texts: list[list[int]], between: list[int]) -> list[int]:
    """The symbols of all texts in order, with ``between`` in between."""
    return [symbol for number, text in enumerate(texts) for symbol in [*(between if number else []), *text]]


def _padded(texts: list[list[int]]) -> tuple[Tensor, Tensor]:
    return _pad([torch.tensor(text) for text in texts]), torch.tensor([len(text) for text in texts])


def _pad(tensors: list[Tensor]) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True)
