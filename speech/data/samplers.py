"""Samplers: which clips each batch of an epoch has."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from torch.utils.data import Sampler

POOL = 16  # batches in a pool, within which clips are sorted by length; the pools differ by epoch
WINDOW = 2  # the fewest pools in a window of shards

Numbers = np.ndarray[Any, np.dtype[np.int64]]


class Step(NamedTuple):
    """The clips of a batch, and the numbers that seed its augmentation."""

    epoch: int
    number: int
    clips: Sequence[int | tuple[int, ...]]  # each entry a clip, or the clips of a sequence (concatenation)
    n_before: int = 0  # training batches before this one
    rank: int = 0  # of the process, if several train together
    spare: bool = False  # this process has no clip left and takes part with a clip of another, which does not count

    def share(self, rank: int, n_processes: int) -> Step:
        """The share of this step for process ``rank`` of ``n_processes``."""
        own = self.clips[rank::n_processes]
        return self._replace(clips=own or self.clips[:1], rank=rank, spare=not own)


class EpochSampler(Sampler[Step]):
    """Batches that depend only on a seed and the epoch's number, so that an epoch can be resumed in the middle.

    ``process``, ``(rank, n_processes)``, takes its share of each batch: together the processes take every clip once.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self._entered = 0, 0
        self.process = 0, 1

    @abstractmethod
    def steps(self) -> Iterator[Step]:
        """The epoch's batches, beginning with ``start``."""

    def __iter__(self) -> Iterator[Step]:
        return (step.share(*self.process) for step in self.steps())

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning at the beginning of each epoch."""
        self.epoch = epoch

    def enter(self, epoch: int, start: int) -> None:
        """Begin with batch ``start`` of ``epoch``; every other epoch is complete.

        When Lightning resumes, it sets the epoch only after a loader's worker has requested its first batches.
        """
        self.epoch, self._entered = epoch, (epoch, start)

    @property
    def start(self) -> int:
        epoch, start = self._entered
        return start if self.epoch == epoch else 0


class BucketSampler(EpochSampler):
    """Batches of clips of similar length.

    With ``shuffle=False`` the order is by length. ``weights`` are the expected numbers of each clip in an epoch (2.3 is
    two or, with probability 0.3, three); None is one of each. If that gives fewer than ``n_steps`` batches, all weights
    are multiplied by a whole number: an epoch passes over the clips that many times.

    Clips in shards are visited one window at a time; ``shards`` has the sizes of each folder's shards. A window has as
    many shards, drawn evenly from all folders, as fill WINDOW pools, so that few are open at once. Clips in memory are
    a single window; nothing else differs.
    """

    def __init__(
        self,
        lengths: ArrayLike,
        batch_size: int,
        seed: int = 0,
        shuffle: bool = True,
        weights: ArrayLike | None = None,
        shards: Sequence[Sequence[int]] = (),
        n_steps: int = 1,
    ) -> None:
        super().__init__()
        self.lengths, self.batch_size, self.seed, self.shuffle = np.asarray(lengths), batch_size, seed, shuffle
        self.shards = shards
        once = np.ones(len(self.lengths)) if weights is None else np.asarray(weights, dtype=float)
        self.weights = once * max(1, math.ceil(n_steps * batch_size / max(1, once.sum())))

    def __len__(self) -> int:
        return -(-self.n_drawn // self.batch_size)

    @property
    def n_drawn(self) -> int:
        """The number of clips per epoch, counting repetitions."""
        return round(float(self.weights.sum()))

    def steps(self) -> Iterator[Step]:
        size = self.batch_size
        if self.shuffle:
            rng = np.random.default_rng([self.seed, self.epoch])
            windows = self._windows(rng)
            order = np.concatenate(windows)
            # Systematic resampling (Kitagawa 1996): equal steps along the weights laid end to end.
            ends = np.cumsum(self.weights[order]) * (self.n_drawn / self.weights.sum())
            drawn = np.searchsorted(ends, np.arange(self.n_drawn) + rng.random(), side="right")
            cuts = np.searchsorted(drawn, np.cumsum([len(window) for window in windows])[:-1])
            drawn = order[np.minimum(drawn, len(order) - 1)]
            order = np.concatenate([rng.permutation(some) for some in np.split(drawn, cuts)])
            pools = np.split(order, range(POOL * size, len(order), POOL * size))
            order = np.concatenate([some[np.argsort(self.lengths[some], kind="stable")] for some in pools])
        else:
            order, cuts = np.argsort(self.lengths, kind="stable"), np.zeros(0, np.int64)
        numbers = np.arange(-(-len(order) // size))
        if self.shuffle:
            numbers = np.concatenate([rng.permutation(some) for some in np.split(numbers, cuts // size)])
        for number in range(self.start, len(numbers)):
            first = int(numbers[number]) * size
            yield Step(self.epoch, number, order[first : first + size].tolist(), self.epoch * len(numbers) + number)

    @property
    def _n_windows(self) -> int:
        return max(1, min(self.n_drawn // (WINDOW * POOL * self.batch_size), sum(map(len, self.shards))))

    @property
    def n_open(self) -> int:
        """The number of shards read at a time: a window's, and those of its neighbours, which share its pools."""
        return 3 * -(-sum(map(len, self.shards)) // self._n_windows)

    def _windows(self, rng: np.random.Generator) -> list[Numbers]:
        """Every clip, in random order within a window."""
        if not self.shards:
            return [rng.permutation(len(self.lengths))]
        # The shards of each folder in random order, spread evenly: a window has the same proportions as an epoch.
        places = [(rng.permutation(len(sizes)) + rng.random()) / len(sizes) for sizes in self.shards]
        sizes = np.concatenate([np.asarray(sizes) for sizes in self.shards])
        ends = np.cumsum(sizes)
        shards = np.argsort(np.concatenate(places), kind="stable")
        of_shards = np.array_split(shards, self._n_windows)
        clips = [np.concatenate([np.arange(ends[i] - sizes[i], ends[i]) for i in some]) for some in of_shards]
        return [rng.permutation(some) for some in clips]


class MixedSampler(EpochSampler):
    """``n_steps`` batches per epoch, of own clips ``0 ... n_own - 1`` and of the ``n_replayed`` that follow them.

    Each batch has ``round(fraction * batch_size)`` replayed clips, but at least one of each kind. Within a kind, the
    numbers of times that two clips are drawn in an epoch differ by at most one.
    """

    def __init__(
        self, n_own: int, n_replayed: int, batch_size: int, fraction: float, n_steps: int, seed: int = 0
    ) -> None:
        if batch_size < 2:
            raise ValueError(f"batch_size={batch_size}: it must be at least 2, for a new clip and a replayed one")
        super().__init__()
        self.n_own, self.n_replayed, self.n_steps, self.seed = n_own, n_replayed, n_steps, seed
        self.n_old = min(batch_size - 1, max(1, round(fraction * batch_size)))
        self.n_new = batch_size - self.n_old

    def __len__(self) -> int:
        return self.n_steps

    def steps(self) -> Iterator[Step]:
        rng = np.random.default_rng([self.seed, self.epoch])
        new = _in_turns(self.n_own, self.n_steps * self.n_new, rng).reshape(self.n_steps, self.n_new)
        old = _in_turns(self.n_replayed, self.n_steps * self.n_old, rng).reshape(self.n_steps, self.n_old)
        for number in range(self.start, self.n_steps):
            clips = [*new[number].tolist(), *(self.n_own + old[number]).tolist()]
            yield Step(self.epoch, number, clips, self.epoch * self.n_steps + number)


def _in_turns(n: int, n_drawn: int, rng: np.random.Generator) -> Numbers:
    """``n_drawn`` numbers from ``0 ... n - 1``: one permutation after another."""
    rounds = -(-n_drawn // n)
    return np.concatenate([rng.permutation(n) for _ in range(rounds)])[:n_drawn]
