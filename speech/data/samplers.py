"""The clips of each batch of an epoch."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from torch.utils.data import Sampler

POOL = 16  # batches: clips are sorted by length within a pool of so many, which differs by epoch
WINDOW = 2  # pools, at least, that are visited together

Numbers = np.ndarray[Any, np.dtype[np.int64]]


class Step(NamedTuple):
    """The clips of a batch, and the numbers that seed its augmentation."""

    epoch: int
    number: int
    clips: Sequence[int | tuple[int, ...]]  # each a clip, or those of a sequence (concatenation)
    n_before: int = 0  # batches of training before this one
    rank: int = 0  # of the process, where several train together
    spare: bool = False  # its clip is another process's: this one has none left, and joins in

    def share(self, rank: int, n_processes: int) -> Step:
        """What process ``rank`` of several has of this step."""
        own = self.clips[rank::n_processes]
        return self._replace(clips=own or self.clips[:1], rank=rank, spare=not own)


class EpochSampler(Sampler[Step]):
    """Batches drawn from a seed and the epoch's number alone, so that an epoch can be entered in its middle.

    ``process``, ``(rank, n_processes)``, has its share of each: together they have every clip once.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self._entered = 0, 0
        self.process = 0, 1

    @abstractmethod
    def steps(self) -> Iterator[Step]:
        """The epoch's batches, from ``start`` on."""

    def __iter__(self) -> Iterator[Step]:
        return (step.share(*self.process) for step in self.steps())

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

    Clips of shards are visited a window at a time, ``shards`` being the sizes of each folder's: as many shards, drawn
    evenly from all folders, as have WINDOW pools, so that few of them are open at once. All else is as in memory, which
    is a single window.
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
        """Clips an epoch, repeated ones counted again."""
        return round(float(self.weights.sum()))

    def steps(self) -> Iterator[Step]:
        size = self.batch_size
        if self.shuffle:
            rng = np.random.default_rng([self.seed, self.epoch])
            windows = self._windows(rng)
            order = np.concatenate(windows)
            # Systematic resampling (Kitagawa 1996): equal steps along the weights end to end.
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
        """Shards that are read from at a time: a window's, and those of its neighbours, which share its pools."""
        return 3 * -(-sum(map(len, self.shards)) // self._n_windows)

    def _windows(self, rng: np.random.Generator) -> list[Numbers]:
        """Every clip, in random order within a window."""
        if not self.shards:
            return [rng.permutation(len(self.lengths))]
        # The shards of each folder in random order, spread evenly: a window has of each what an epoch has.
        places = [(rng.permutation(len(sizes)) + rng.random()) / len(sizes) for sizes in self.shards]
        sizes = np.concatenate([np.asarray(sizes) for sizes in self.shards])
        ends = np.cumsum(sizes)
        shards = np.argsort(np.concatenate(places), kind="stable")
        of_shards = np.array_split(shards, self._n_windows)
        clips = [np.concatenate([np.arange(ends[i] - sizes[i], ends[i]) for i in some]) for some in of_shards]
        return [rng.permutation(some) for some in clips]


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

    def steps(self) -> Iterator[Step]:
        rng = np.random.default_rng([self.seed, self.epoch])
        new = _in_turns(self.n_own, self.n_steps * self.n_new, rng).reshape(self.n_steps, self.n_new)
        old = _in_turns(self.n_replayed, self.n_steps * self.n_old, rng).reshape(self.n_steps, self.n_old)
        for number in range(self.start, self.n_steps):
            clips = [*new[number].tolist(), *(self.n_own + old[number]).tolist()]
            yield Step(self.epoch, number, clips, self.epoch * self.n_steps + number)


def _in_turns(n: int, n_drawn: int, rng: np.random.Generator) -> Numbers:
    """``n_drawn`` of ``0 ... n - 1``: one permutation after another."""
    rounds = -(-n_drawn // n)
    return np.concatenate([rng.permutation(n) for _ in range(rounds)])[:n_drawn]
