"""Light augmentation, clip by clip: speed, end-points, noise and mains hum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speech.audio.files import Waveform
from speech.common.ranges import Range, checked_range
from speech.data.augment.noise import BANK_SAMPLES, N_COLOURS, noise_bank
from speech.data.augment.spec import Spans

MAINS_HZ = (50.0, 60.0, 100.0, 120.0, 150.0, 180.0)  # mains hum and its harmonics


class Augment:
    """Each step can be None. Levels in dB are the ratio of the clip's RMS to that of the noise or hum.

    ``speed`` ``[slowest, fastest]`` changes tempo, pitch and formants together, like a longer or shorter vocal tract
    (Ko et al. 2015). ``edge_ms`` moves the clip's start and end by up to this much, like the end-pointer's errors.
    ``noise_db``, ``hum_db`` ``[least, most]``: the noise has a random colour between white and brown.
    """

    def __init__(
        self,
        speed: Sequence[float] | None,
        edge_ms: float | None,
        noise_db: Sequence[float] | None,
        hum_db: Sequence[float] | None,
    ) -> None:
        # Stored as tuples: reading from one of Hydra's lists takes as long as adding the noise.
        self.speed = _range("speed", speed, least=0.1)
        self.noise_db, self.hum_db = _range("noise_db", noise_db), _range("hum_db", hum_db)
        self.edge_ms = edge_ms

    def batch(
        self, waveforms: Sequence[Waveform], sample_rate: int, rng: np.random.Generator, n_before: int = 0
    ) -> tuple[list[Waveform], Spans | None]:
        """The augmented clips, always at full strength (``n_before`` is not used) and without masks of features."""
        return [self(waveform, sample_rate, rng) for waveform in waveforms], None

    def __call__(self, waveform: Waveform, sample_rate: int, rng: np.random.Generator) -> Waveform:
        if self.speed is not None:
            # Linear interpolation attenuates the top of the band slightly, as some microphones do.
            position = np.arange(0, len(waveform) - 1, rng.uniform(*self.speed))
            before = position.astype(np.intp)
            left = waveform[before]
            waveform = left + (position - before).astype(np.float32) * (waveform[1:][before] - left)
        if self.edge_ms is not None:
            edge = round(self.edge_ms / 1000 * sample_rate)
            earlier, later = rng.integers(-edge, edge + 1, 2)
            waveform = np.pad(waveform, (max(0, earlier), max(0, later)))
            waveform = waveform[max(0, -earlier) : len(waveform) - max(0, -later)]
        if self.noise_db is not None:
            start = int(rng.integers(BANK_SAMPLES // 2))
            noise = noise_bank()[rng.integers(N_COLOURS), start : start + len(waveform)]
            waveform = _mix(waveform, np.resize(noise, len(waveform)), rng.uniform(*self.noise_db))
        if self.hum_db is not None:
            turn = np.float32(2 * np.pi * MAINS_HZ[rng.integers(len(MAINS_HZ))] / sample_rate)
            hum = np.sin(turn * np.arange(len(waveform), dtype=np.float32) + np.float32(rng.uniform(0, 2 * np.pi)))
            waveform = _mix(waveform, hum, rng.uniform(*self.hum_db))
        return waveform


def _range(key: str, pair: Sequence[float] | None, least: float = -np.inf) -> Range | None:
    return None if pair is None else checked_range(f"augment.{key}", pair, least)


def _mix(waveform: Waveform, disturbance: Waveform, ratio_db: float) -> Waveform:
    """``waveform`` plus ``disturbance``, whose RMS is scaled to ``ratio_db`` below that of ``waveform``."""
    power = np.dot(waveform, waveform) / max(float(np.dot(disturbance, disturbance)), 1e-12)
    return waveform + np.float32(np.sqrt(power) * 10 ** (-ratio_db / 20)) * disturbance
