"""Batches of words for a grapheme-to-phoneme model: of one length, drawn by weight, reproducible by seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from speech.data.pronunciations import CAPITALISED, COMMON, FREQUENT, PERSON, Entry
from speech.text.phones import Inventory

# How much more often a name is drawn than another word. Each kind of words in a variety counts by the square root of
# its size: a small language is drawn often enough to be learnt, but a list of forty names not forty times as often.
KIND_WEIGHTS = {FREQUENT: 20.0, PERSON: 4.0, CAPITALISED: 1.5, COMMON: 1.0}


class WordBatch(NamedTuple):
    """Words of one length, symbols int64: letters ``(batch, n_letters)``, marks ``(batch, n_letters, 2)``, the number
    of letters, the variety and the kind ``(batch,)``; targets ``(batch, n_phones)``, padded with 0, and their numbers.
    """

    letters: Tensor
    marks: Tensor
    n_letters: Tensor
    variety: Tensor
    kind: Tensor
    targets: Tensor
    n_phones: Tensor


def weights(entries: Sequence[Entry], of_varieties: Sequence[float]) -> np.ndarray:
    """The probability of drawing each of ``entries``, ``(n_entries,)``; ``of_varieties`` has each variety's factor."""
    cells = np.array([len(KIND_WEIGHTS) * entry.variety + entry.kind for entry in entries])
    factor = np.array([KIND_WEIGHTS[entry.kind] * of_varieties[entry.variety] for entry in entries])
    each = factor / np.sqrt(np.bincount(cells))[cells]
    return each / each.sum()


def prior(entries: Sequence[Entry], of_varieties: Sequence[float]) -> list[float]:
    """The proportion of each variety among the words drawn."""
    numbers = [entry.variety for entry in entries]
    share = np.bincount(numbers, weights(entries, of_varieties), minlength=len(of_varieties))
    return [float(one) for one in share]


class WordBatches(Dataset[WordBatch]):
    """``n_batches`` per ``epoch``, each of ``batch_size`` words of one length. ``unmarked`` is the proportion of words
    whose marks are removed.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        of_varieties: Sequence[float],
        inventory: Inventory,
        batch_size: int,
        n_batches: int,
        unmarked: float,
        seed: int,
    ) -> None:
        self.batch_size, self.n_batches, self.unmarked, self.seed = batch_size, n_batches, unmarked, seed
        self.epoch = 0
        lengths = np.array([len(entry.word[0]) for entry in entries])
        each = weights(entries, of_varieties)
        self._groups = []
        self._share = []
        for length in np.unique(lengths):
            own = np.flatnonzero(lengths == length)
            some = [entries[i] for i in own.tolist()]
            self._groups.append(_Group(some, inventory, each[own]))
            self._share.append(each[own].sum())

    def __len__(self) -> int:
        return self.n_batches

    def __getitem__(self, index: int) -> WordBatch:
        if not 0 <= index < self.n_batches:
            raise IndexError(index)
        rng = np.random.default_rng((self.seed, self.epoch, index))
        group = self._groups[int(rng.choice(len(self._groups), p=self._share))]
        return group.draw(rng, self.batch_size, self.unmarked)


class _Group:
    """The entries of one length, as arrays."""

    def __init__(self, entries: Sequence[Entry], inventory: Inventory, each: np.ndarray) -> None:
        self.letters = np.array([entry.word[0] for entry in entries])
        self.marks = np.array([entry.word[1] for entry in entries])
        self.variety = np.array([entry.variety for entry in entries])
        self.kind = np.array([entry.kind for entry in entries])
        self.readings = [[inventory.encode(reading) for reading in entry.readings] for entry in entries]
        self.until = np.cumsum(each / each.sum())

    def draw(self, rng: np.random.Generator, n: int, unmarked: float) -> WordBatch:
        chosen = np.minimum(np.searchsorted(self.until, rng.random(n)), len(self.until) - 1)
        marks = self.marks[chosen] * (rng.random(n) >= unmarked)[:, None, None]
        readings = [self.readings[i] for i in chosen]
        targets = [some[int(at * len(some))] for some, at in zip(readings, rng.random(n), strict=True)]
        n_phones = np.array([len(one) for one in targets])
        padded = np.zeros((n, n_phones.max()), np.int64)
        for row, one in zip(padded, targets, strict=True):
            row[: len(one)] = one
        n_letters = np.full(n, self.letters.shape[1])
        arrays = (self.letters[chosen], marks, n_letters, self.variety[chosen], self.kind[chosen], padded, n_phones)
        return WordBatch(*map(torch.from_numpy, arrays))
