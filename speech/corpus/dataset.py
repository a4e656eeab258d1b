"""Clips in memory, and batches of clips of like length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from speech.alphabet import Alphabet
from speech.audio import Waveform
from speech.augment.light import Augment
from speech.augment.room import Room
from speech.augment.spec import Spans
from speech.augment.strength import FULL_STRENGTH
from speech.phonetics import Inventory
from speech.pronunciation import said

POOL = 16  # batches: clips are sorted by length within so many, so that batches are even and still differ by epoch


class Clip(NamedTuple):
    """One clip of a corpus; 16-bit samples take half the memory of floats."""

    id: str
    name: str  # as people write it
    speaker: str
    accent: str
    samples: NDArray[np.int16]
    weight: float = 1.0  # how often an epoch of training hears it
    say: str = ""  # what was read aloud, where that is another text than the name

    @property
    def waveform(self) -> Waveform:
        return self.samples.astype(np.float32) / np.float32(32768)


class Batch(NamedTuple):
    waveforms: Tensor  # float32 (batch, n_samples), right-padded with 0
    n_samples: Tensor  # int64 (batch,)
    targets: Tensor  # int64 (batch, n_letters), right-padded with 0
    n_letters: Tensor  # int64 (batch,)
    texts: list[str]
    speakers: list[str]
    ids: list[str]
    spans: Spans | None = None  # what training hides of the features
    phones: Tensor | None = None  # int64 (batch, n_phones), right-padded with 0; None where only letters are learnt
    n_phones: Tensor | None = None  # int64 (batch,)


class Step(NamedTuple):
    """Which clips make a batch, and the numbers that its chance is drawn from."""

    epoch: int
    number: int
    clips: list[int]
    n_before: int = 0  # batches that training had before this one


class EpochSampler(Sampler[Step]):
    """Batches that are drawn anew each epoch, from a seed and the epoch's number alone.

    So an epoch can be entered in its middle, and begun more than once.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self._entered = 0, 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this at the beginning of each epoch."""
        self.epoch = epoch

    def enter(self, epoch: int, start: int) -> None:
        """Begin with batch ``start`` of ``epoch``; of every other epoch all batches are given out.

        Lightning, when it resumes, sets the epoch only after a loader's worker has asked for its first batches.
        """
        self.epoch, self._entered = epoch, (epoch, start)

    @property
    def start(self) -> int:
        epoch, start = self._entered
        return start if self.epoch == epoch else 0


class BucketSampler(EpochSampler):
    """Batches of clips of like length.

    With ``shuffle=False`` the order is by length, the same every time. ``weights`` say how often an epoch hears each
    clip: 2.3 is twice or, three times in ten, thrice; without them, once.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        batch_size: int,
        seed: int = 0,
        shuffle: bool = True,
        weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.lengths, self.batch_size, self.seed, self.shuffle = np.asarray(lengths), batch_size, seed, shuffle
        self.weights = np.ones(len(self.lengths)) if weights is None else np.asarray(weights, dtype=float)

    def __len__(self) -> int:
        return -(-self.n_heard // self.batch_size)

    @property
    def n_heard(self) -> int:
        """Clips an epoch, each counted as often as it is heard."""
        return round(float(self.weights.sum()))

    def __iter__(self) -> Iterator[Step]:
        if self.shuffle:
            rng = np.random.default_rng([self.seed, self.epoch])
            order = rng.permutation(len(self.lengths))
            # Systematic resampling (Kitagawa 1996): equal steps along the weights laid end to end.
            ends = np.cumsum(self.weights[order]) * (self.n_heard / self.weights.sum())
            drawn = np.searchsorted(ends, np.arange(self.n_heard) + rng.random(), side="right")
            order = rng.permutation(order[np.minimum(drawn, len(order) - 1)])
            pool = POOL * self.batch_size
            pools = [order[i : i + pool] for i in range(0, len(order), pool)]
            order = np.concatenate([some[np.argsort(self.lengths[some], kind="stable")] for some in pools])
        else:
            order = np.argsort(self.lengths, kind="stable")
        batches = [order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size)]
        if self.shuffle:
            batches = [batches[i] for i in rng.permutation(len(batches))]
        for number in range(self.start, len(batches)):
            yield Step(self.epoch, number, batches[number].tolist(), self.epoch * len(batches) + number)


class ClipDataset(Dataset[Batch]):
    """A split's clips; asked for a Step it makes the batch. ``augment`` None leaves the clips as they are.

    ``inventory`` is that of a recogniser which hears phones as well: those of a clip are what was read aloud, as its
    accent says it.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        alphabet: Alphabet,
        sample_rate: int,
        augment: Augment | Room | None = None,
        seed: int = 0,
        inventory: Inventory | None = None,
    ) -> None:
        self.clips, self.sample_rate, self.augment, self.seed = clips, sample_rate, augment, seed
        self.texts = [alphabet.fold(clip.name) for clip in clips]
        self.targets = [alphabet.encode(clip.name) for clip in clips]
        self.phones = None
        if inventory:
            self.phones = [inventory.encode(said(clip.say or clip.name, clip.accent)) for clip in clips]

    def __len__(self) -> int:
        return len(self.clips)

    def named(self) -> list[tuple[str, Clip]]:
        """Each clip with its text in the alphabet."""
        return list(zip(self.texts, self.clips, strict=True))

    def sample(self, n_batches: int, batch_size: int) -> Iterator[Batch]:
        """Clips drawn as often as an epoch hears each, disturbed as at the end of training; the same ones each time."""
        weights = np.array([clip.weight for clip in self.clips])
        rng = np.random.default_rng(self.seed)
        for number in range(n_batches):
            drawn = rng.choice(len(self), batch_size, p=weights / weights.sum())
            yield self[Step(0, number, drawn.tolist(), n_before=FULL_STRENGTH)]

    def __getitem__(self, step: Step) -> Batch:
        rng = np.random.default_rng([self.seed, step.epoch, step.number])
        waveforms: list[Waveform] = [self.clips[i].waveform for i in step.clips]
        spans = None
        if self.augment is not None:
            waveforms, spans = self.augment.batch(waveforms, self.sample_rate, rng, step.n_before)
        phones, n_phones = _padded([self.phones[i] for i in step.clips]) if self.phones else (None, None)
        return Batch(
            _pad([torch.from_numpy(waveform) for waveform in waveforms]),
            torch.tensor([len(waveform) for waveform in waveforms]),
            *_padded([self.targets[i] for i in step.clips]),
            [self.texts[i] for i in step.clips],
            [self.clips[i].speaker for i in step.clips],
            [self.clips[i].id for i in step.clips],
            spans,
            phones,
            n_phones,
        )


def _padded(texts: list[list[int]]) -> tuple[Tensor, Tensor]:
    return _pad([torch.tensor(text) for text in texts]), torch.tensor([len(text) for text in texts])


def _pad(tensors: list[Tensor]) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True)
