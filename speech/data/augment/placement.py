"""The position of the name in a clip and its speed: speed changes, and errors of the end-pointer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from speech.audio.files import Waveform
from speech.common.ranges import checked_proportion, checked_range
from speech.data.augment.convolution import Batch
from speech.data.augment.strength import drawn, happens

MOST_CUT = 0.2  # the largest proportion of a clip cut from either end


class Placement:
    """Speed and end-points of each clip. ``speed`` and ``edge_ms`` can be None.

    ``speed`` ``[slowest, fastest]`` changes tempo, pitch and formants together (Ko et al. 2015).
    ``edge_ms`` ``[most cut off, most added]`` is drawn for each of the clip's two ends: below 0, this much is cut off;
    above 0, silence is added, which later steps fill with the room's reverberation and noise. With probability
    ``jitter_chance`` a batch draws from ``jitter_ms`` instead, as when other people's talk or a swelling noise makes
    the end-pointer's span too long. That choice is made per batch, since clips are padded to the longest of a batch.
    """

    def __init__(
        self,
        speed: Sequence[float] | None,
        edge_ms: Sequence[float] | None,
        jitter_chance: float,
        jitter_ms: Sequence[float],
    ) -> None:
        key = "augment.placement"
        self.speed = None if speed is None else checked_range(f"{key}.speed", speed, least=0.1)
        self.edge_ms = None if edge_ms is None else checked_range(f"{key}.edge_ms", edge_ms)
        self.jitter_chance = checked_proportion(f"{key}.jitter_chance", jitter_chance)
        self.jitter_ms = checked_range(f"{key}.jitter_ms", jitter_ms)

    def __call__(
        self, waveforms: Sequence[Waveform], sample_rate: int, rng: np.random.Generator, strength: float
    ) -> tuple[Batch, NDArray[np.intp]]:
        """The clips ``(n_clips, n_samples)``, right-padded with 0, and the ``n_samples`` of each."""
        if self.speed is not None:
            speeds = drawn(rng, len(waveforms), self.speed, 1, strength)
            waveforms = [_faster(*pair) for pair in zip(waveforms, speeds, strict=True)]
        edges = np.zeros((2, len(waveforms)), int)
        jittered = len(happens(rng, 1, self.jitter_chance, strength)) > 0
        limits = self.jitter_ms if jittered else self.edge_ms
        if limits is not None:
            ms = [drawn(rng, len(waveforms), limits, 0, strength) for _ in range(2)]
            edges = np.round(np.stack(ms) / 1000 * sample_rate).astype(int)
        lengths = np.array([len(waveform) for waveform in waveforms])
        before, after = np.maximum(edges, -(MOST_CUT * lengths).astype(int))
        n_samples = lengths + before + after
        padded = np.zeros((len(waveforms), n_samples.max()), np.float32)
        for row, waveform, first, n in zip(padded, waveforms, before, n_samples, strict=True):
            own = waveform[max(0, -first) :][: n - max(0, first)]
            row[max(0, first) :][: len(own)] = own
        return padded, n_samples


def _faster(waveform: Waveform, speed: float) -> Waveform:
    """``waveform`` at ``speed`` times its speed, by linear interpolation, which slightly dulls high frequencies."""
    n_samples = round((len(waveform) - 1) / speed) + 1
    line = torch.from_numpy(waveform)[None, None]
    faster: Waveform = interpolate(line, n_samples, mode="linear", align_corners=True)[0, 0].numpy()
    return faster
