"""Which clips make the batches of an epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from torch.utils.data import Sampler

POOL = 16  # batches: clips are sorted by length within so many, so that batches are even and still differ by epoch


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


class MixedSampler(EpochSampler):
    """``n_steps`` batches an epoch: of clips ``0 ... n_own - 1``, and of the ``n_replayed`` that follow them.

    Each batch has ``round(fraction * batch_size)`` of the latter, at least one of each kind. Own clips come in turns:
    each is drawn as often as any other, give or take one.
    """

    def __init__(
        self, n_own: int, n_replayed: int, batch_size: int, fraction: float, n_steps: int, seed: int = 0
    ) -> None:
        if batch_size < 2:
            raise ValueError(f"batch_size={batch_size}: a recording and a clip that is replayed make two at least")
        super().__init__()
        self.n_own, self.n_replayed, self.n_steps, self.seed = n_own, n_replayed, n_steps, seed
        self.n_old = min(batch_size - 1, max(1, round(fraction * batch_size)))
        self.n_new = batch_size - self.n_old

    def __len__(self) -> int:
        return self.n_steps

    def __iter__(self) -> Iterator[Step]:
        rng = np.random.default_rng([self.seed, self.epoch])
        new = _in_turns(self.n_own, self.n_steps * self.n_new, rng).reshape(self.n_steps, self.n_new)
        old = _in_turns(self.n_replayed, self.n_steps * self.n_old, rng).reshape(self.n_steps, self.n_old)
        for number in range(self.start, self.n_steps):
            clips = [*new[number].tolist(), *(self.n_own + old[number]).tolist()]
            yield Step(self.epoch, number, clips, self.epoch * self.n_steps + number)


def _in_turns(n: int, n_drawn: int, rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.int64]]:
    """``n_drawn`` of ``0 ... n - 1``: one permutation after another."""
    rounds = -(-n_drawn // n)
    return np.concatenate([rng.permutation(n) for _ in range(rounds)])[:n_drawn]
