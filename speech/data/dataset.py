"""Clips in memory, and batches of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

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
from speech.data.samplers import Step
from speech.text.alphabet import Alphabet
from speech.text.phones import Inventory
from speech.text.pronunciation import phonemize


class Clip(NamedTuple):
    """One clip of a corpus; 16-bit samples take half the memory of floats."""

    id: str
    name: str  # as people write it
    speaker: str
    accent: str
    samples: NDArray[np.int16]
    weight: float = 1.0  # expected number of times in an epoch
    say: str = ""  # the text that was read; "": the name

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
    spans: Spans | None = None  # masked features
    phones: Tensor | None = None  # int64 (batch, n_phones), right-padded with 0; None for a recogniser of letters alone
    n_phones: Tensor | None = None  # int64 (batch,)


class ClipDataset(Dataset[Batch]):
    """The clips of a split; indexed with a Step it gives a batch, changed by ``augment`` if any.

    ``inventory`` is of a recogniser's phones, if it has any: a clip's are the pronunciation of ``say`` in its accent.
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
            said = [(clip.say or clip.name, clip.accent) for clip in clips]
            # Accent by accent: to change espeak's voice takes ten times as long as a name.
            phones = {one: inventory.encode(phonemize(*one)) for one in sorted(set(said), key=lambda one: one[::-1])}
            self.phones = [phones[one] for one in said]

    def __len__(self) -> int:
        return len(self.clips)

    def named(self) -> list[tuple[str, Clip]]:
        """Each clip with its folded text."""
        return list(zip(self.texts, self.clips, strict=True))

    def sample(self, n_batches: int, batch_size: int) -> Iterator[Batch]:
        """Batches of clips drawn by weight, augmented in full strength; the same ones in each call."""
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
