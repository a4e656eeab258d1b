"""Sequences like running speech: short clips concatenated with pauses, alongside whole sentences.

A streaming recogniser has to recognise names between other words. Clips are concatenated before they are augmented, so
that a sequence has one room, one microphone and one set of noises. Every batch has about the same duration of sound, in
sequences of similar length, so that it needs about the same memory and time (like Lhotse's ``max_duration``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from speech.audio.files import Waveform
from speech.common.ranges import checked_proportion, checked_range
from speech.data.samplers import EpochSampler, Step

LEAST_SEQUENCES = 4  # in a batch
SIMILAR = 2  # a batch's n whole clips are drawn from SIMILAR * n neighbours by length, but from at least LEAST_SIMILAR
LEAST_SIMILAR = 60
LEAST_LEVEL = 1e-6  # RMS: a softer sound is amplified as if it had this level


class Concatenation:
    """Batches of ``batch_s`` seconds of sound, over all processes together.

    A clip shorter than ``length_s[0]`` is concatenated with others until the sequence is as long as the whole clips of
    its batch; one longer than ``length_s[1]`` is refused. ``proportion`` is the proportion of a batch's sequences that
    are concatenated. If there are no whole clips, all are, with lengths drawn uniformly from ``length_s``.

    A pause is drawn from ``pause_s`` with probability ``pause_chance``, otherwise from ``gap_s``. With probability
    ``level_chance``, a clip's level (RMS) is drawn from ``level_dbfs``, since its neighbours in a sequence come from
    other recordings. Raises ValueError for values out of range.
    """

    def __init__(
        self,
        batch_s: float,
        length_s: Sequence[float],
        proportion: float,
        gap_s: Sequence[float],
        pause_chance: float,
        pause_s: Sequence[float],
        level_chance: float,
        level_dbfs: Sequence[float],
    ) -> None:
        self.length_s = checked_range("concatenate.length_s", length_s, least=0.1)
        if not batch_s >= LEAST_SEQUENCES * self.length_s[0]:
            least = f"{LEAST_SEQUENCES} sequences of {self.length_s[0]:g} s"
            raise ValueError(f"concatenate.batch_s={batch_s}: it must have room for {least}")
        self.batch_s, self.proportion = batch_s, checked_proportion("concatenate.proportion", proportion)
        self.gap_s = checked_range("concatenate.gap_s", gap_s, least=0)
        self.pause_chance = checked_proportion("concatenate.pause_chance", pause_chance)
        self.pause_s = checked_range("concatenate.pause_s", pause_s, least=0)
        self.level_chance = checked_proportion("concatenate.level_chance", level_chance)
        self.level_dbfs = checked_range("concatenate.level_dbfs", level_dbfs, most=0)

    @property
    def mean_pause_s(self) -> float:
        pause, gap = (sum(some) / 2 for some in (self.pause_s, self.gap_s))
        return self.pause_chance * pause + (1 - self.pause_chance) * gap

    def __call__(self, waveforms: Sequence[Waveform], sample_rate: int, rng: np.random.Generator) -> Waveform:
        """``waveforms`` joined with pauses, ``(n_samples,)``; a single one is returned unchanged."""
        if len(waveforms) == 1:
            return waveforms[0]
        levelled = rng.random(len(waveforms)) < self.level_chance
        levels = 10 ** (rng.uniform(*self.level_dbfs, len(waveforms)) / 20)
        paused = rng.random(len(waveforms)) < self.pause_chance
        pauses_s = np.where(paused, *(rng.uniform(*some, len(waveforms)) for some in (self.pause_s, self.gap_s)))
        parts: list[Waveform] = []
        for waveform, change, level, pause_s in zip(waveforms, levelled, levels, pauses_s, strict=True):
            if parts:
                parts.append(np.zeros(round(pause_s * sample_rate), np.float32))
            parts.append(_at_level(waveform, level) if change else waveform)
        return np.concatenate(parts)


def _at_level(waveform: Waveform, level: float) -> Waveform:
    """``waveform`` at an RMS of ``level``, or less if it would leave [-1, 1]."""
    root, peak = float(np.sqrt(np.mean(np.square(waveform)))), float(np.abs(waveform).max())
    return waveform * np.float32(min(level / max(root, LEAST_LEVEL), 1 / max(peak, LEAST_LEVEL)))


class SequenceSampler(EpochSampler):
    """Batches of ``concatenate``'s sequences: each entry of ``Step.clips`` is the tuple of clips of one sequence.

    ``lengths`` are in samples. Clips are drawn by their ``weights``, the expected numbers in an epoch; the clips of a
    sequence are drawn independently. An epoch has as many batches as the clips' sound fills, but at least ``n_steps``.
    """

    def __init__(
        self,
        lengths: NDArray[np.int64],
        weights: NDArray[np.float64],
        concatenate: Concatenation,
        sample_rate: int,
        seed: int,
        n_steps: int = 1,
    ) -> None:
        super().__init__()
        self.concatenate, self.seed, self.seconds = concatenate, seed, lengths / sample_rate
        by_length = np.argsort(self.seconds, kind="stable")
        is_whole = self.seconds >= concatenate.length_s[0]
        self.whole = by_length[((weights > 0) & is_whole)[by_length]]
        self.short = np.flatnonzero((weights > 0) & ~is_whole)
        self.whole_p, self.short_ends = weights[self.whole], np.cumsum(weights[self.short])
        self.n_steps = max(n_steps, math.ceil(self.seconds @ weights / concatenate.batch_s))

    def __len__(self) -> int:
        return self.n_steps

    def steps(self) -> Iterator[Step]:
        rng = np.random.default_rng([self.seed, self.epoch])
        for number in range(self.n_steps):
            clips = self._sequences(rng)
            if number >= self.start:
                yield Step(self.epoch, number, clips, self.epoch * self.n_steps + number)

    def _sequences(self, rng: np.random.Generator) -> list[tuple[int, ...]]:
        """The sequences of a batch, of similar length."""
        of, proportion = self.concatenate, self.concatenate.proportion
        if len(self.whole):
            place = int(rng.choice(len(self.whole), p=self.whole_p / self.whole_p.sum()))
            length_s = float(self.seconds[self.whole[place]])
            proportion = proportion if len(self.short) else 0.0
        else:
            place, length_s, proportion = 0, float(rng.uniform(*of.length_s)), 1.0
        n = max(LEAST_SEQUENCES, round(of.batch_s / length_s))
        n_strung = round(proportion * n)
        strung = [self._strung(length_s, rng) for _ in range(n_strung)]
        return [*((clip,) for clip in self._similar(place, n - n_strung, rng)), *strung]

    def _similar(self, place: int, n: int, rng: np.random.Generator) -> list[int]:
        """``n`` whole clips about as long as the clip at ``place`` in the order of lengths."""
        if not n:
            return []
        width = min(len(self.whole), max(LEAST_SIMILAR, SIMILAR * n))
        first = int(np.clip(place - width // 2, 0, len(self.whole) - width))
        near, p = self.whole[first : first + width], self.whole_p[first : first + width]
        found: list[int] = rng.choice(near, n, replace=width < n, p=p / p.sum()).tolist()
        return found

    def _strung(self, length_s: float, rng: np.random.Generator) -> tuple[int, ...]:
        """One or more short clips that, with their pauses, are together about ``length_s`` long, or slightly less."""
        chain: list[int] = []
        while True:
            drawn = np.searchsorted(self.short_ends, rng.random() * self.short_ends[-1], side="right")
            clip = int(self.short[min(int(drawn), len(self.short) - 1)])
            length_s -= float(self.seconds[clip])
            if chain and length_s < 0:
                return tuple(chain)
            chain.append(clip)
            length_s -= self.concatenate.mean_pause_s
