"""The clips of each batch of an epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from torch.utils.data import Sampler

POOL = 16  # batches: clips are sorted by length within a pool of so many, which differs by epoch


class Step(NamedTuple):
    """The clips of a batch, and the numbers that seed its augmentation."""

    epoch: int
    number: int
    clips: list[int]
    n_before: int = 0  # batches of training before this one


class EpochSampler(Sampler[Step]):
    """Batches drawn from a seed and the epoch's number alone, so that an epoch can be entered in its middle."""

    def __init__(self) -> None:
        self.epoch = 0
        self._entered = 0, 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this at the beginning of each epoch."""
        self.epoch = epoch

    def enter(self, epoch: int, start: int) -> None:
        """Begin with batch ``start`` of ``epoch``; every other epoch is whole.

        Lightning, when it resumes, sets the epoch only after a loader's worker has asked for its first batches.
        """
        self.epoch, self._entered = epoch, (epoch, start)

    @property
    def start(self) -> int:
        epoch, start = self._entered
        return start if self.epoch == epoch else 0


class BucketSampler(EpochSampler):
    """Batches of clips of similar length.

    With ``shuffle=False`` the order is by length. ``weights`` are the expected numbers of each clip in an epoch (2.3 is
    two or, with probability 0.3, three); None is one of each. Where that is less than ``n_steps`` batches, all are
    drawn several times as often: an epoch passes over the clips so often.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        batch_size: int,
        seed: int = 0,
        shuffle: bool = True,
        weights: Sequence[float] | None = None,
        n_steps: int = 1,
    ) -> None:
        super().__init__()
        self.lengths, self.batch_size, self.seed, self.shuffle = np.asarray(lengths), batch_size, seed, shuffle
        once = np.ones(len(self.lengths)) if weights is None else np.asarray(weights, dtype=float)
        self.weights = once * max(1, math.ceil(n_steps * batch_size / max(1, once.sum())))

    def __len__(self) -> int:
        return -(-self.n_drawn // self.batch_size)

    @property
    def n_drawn(self) -> int:
        """Clips an epoch, repeated ones counted again."""
        return round(float(self.weights.sum()))

    def __iter__(self) -> Iterator[Step]:
        if self.shuffle:
            rng = np.random.default_rng([self.seed, self.epoch])
            order = rng.permutation(len(self.lengths))
            # Systematic resampling (Kitagawa 1996): equal steps along the weights end to end.
            ends = np.cumsum(self.weights[order]) * (self.n_drawn / self.weights.sum())
            drawn = np.searchsorted(ends, np.arange(self.n_drawn) + rng.random(), side="right")
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
    """``n_steps`` batches an epoch, of own clips ``0 ... n_own - 1`` and of the ``n_replayed`` that follow them.

    Each batch has ``round(fraction * batch_size)`` replayed clips, and at least one of either kind. The numbers of two
    clips of a kind in an epoch differ by one at most.
    """

    def __init__(
        self, n_own: int, n_replayed: int, batch_size: int, fraction: float, n_steps: int, seed: int = 0
    ) -> None:
        if batch_size < 2:
            raise ValueError(f"batch_size={batch_size}: it must be at least 2, an own clip and a replayed one")
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
