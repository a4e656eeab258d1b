"""What haste, other throats and cheap microphones do to a waveform, drawn anew every time a clip is heard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speech.audio.files import Waveform
from speech.data.augment.noise import N_COLOURS, noise_bank
from speech.data.augment.spec import Spans

MAINS_HZ = (50.0, 60.0, 100.0, 120.0, 150.0, 180.0)  # mains hum and its harmonics


class Augment:
    """Each step can be left out with None. Levels in dB are of the clip's RMS over the disturbance's.

    ``speed`` ``[slowest, fastest]``: tempo, pitch and formants together, as of a longer or shorter throat
    (Ko et al. 2015). ``edge_ms``: the clip begins and ends up to this much earlier or later (the end-pointer is never
    exact). ``noise_db``, ``hum_db`` ``[least, most]``; noise has a random colour between white and brown.
    """

    def __init__(
        self,
        speed: tuple[float, float] | None = (0.88, 1.14),
        edge_ms: float | None = 40.0,
        noise_db: tuple[float, float] | None = (20.0, 60.0),
        hum_db: tuple[float, float] | None = (15.0, 60.0),
    ) -> None:
        # Plain tuples: reading one of Hydra's lists takes as long as adding the noise.
        self.speed, self.noise_db, self.hum_db = (pair and (pair[0], pair[1]) for pair in (speed, noise_db, hum_db))
        self.edge_ms = edge_ms
        self._noise = noise_bank() if noise_db is not None else np.zeros((1, 0), np.float32)

    def batch(
        self, waveforms: Sequence[Waveform], sample_rate: int, rng: np.random.Generator, n_before: int = 0
    ) -> tuple[list[Waveform], Spans | None]:
        """Each clip of a batch in its turn; it is the same in each of training's batches, and masks no features."""
        return [self(waveform, sample_rate, rng) for waveform in waveforms], None

    def __call__(self, waveform: Waveform, sample_rate: int, rng: np.random.Generator) -> Waveform:
        if self.speed is not None:
            # Linear interpolation dulls the top of the band a little, which is one more thing that microphones do.
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
            start = int(rng.integers(self._noise.shape[1] // 2))
            noise = self._noise[rng.integers(N_COLOURS), start : start + len(waveform)]
            noise = np.resize(noise, len(waveform)) if len(noise) < len(waveform) else noise
            waveform = _mix(waveform, noise, rng.uniform(*self.noise_db))
        if self.hum_db is not None:
            turn = np.float32(2 * np.pi * MAINS_HZ[rng.integers(len(MAINS_HZ))] / sample_rate)
            hum = np.sin(turn * np.arange(len(waveform), dtype=np.float32) + np.float32(rng.uniform(0, 2 * np.pi)))
            waveform = _mix(waveform, hum, rng.uniform(*self.hum_db))
        return waveform


def _mix(waveform: Waveform, disturbance: Waveform, ratio_db: float) -> Waveform:
    """``waveform`` with ``disturbance`` scaled to lie ``ratio_db`` under it, both by RMS."""
    power = np.dot(waveform, waveform) / max(float(np.dot(disturbance, disturbance)), 1e-12)
    return waveform + np.float32(np.sqrt(power) * 10 ** (-ratio_db / 20)) * disturbance
