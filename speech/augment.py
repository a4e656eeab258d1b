"""What haste and cheap microphones do to a waveform: a little of each, drawn anew every time a clip is heard."""

from __future__ import annotations

import numpy as np

from speech.audio import Waveform

MAINS_HZ = (50.0, 60.0, 100.0, 120.0, 150.0, 180.0)  # mains hum and its harmonics


class Augment:
    """Each step can be left out with None. Levels in dB are of the clip's RMS over the disturbance's.

    ``edge_ms``: the clip begins and ends up to this much earlier or later (the end-pointer is never exact).
    ``noise_db``, ``hum_db``: ``[least, most]``; noise has a random colour between white and brown.
    """

    def __init__(
        self,
        edge_ms: float | None = 40.0,
        noise_db: tuple[float, float] | None = (15.0, 50.0),
        hum_db: tuple[float, float] | None = (10.0, 50.0),
    ) -> None:
        self.edge_ms, self.noise_db, self.hum_db = edge_ms, noise_db, hum_db

    def __call__(self, waveform: Waveform, sample_rate: int, rng: np.random.Generator) -> Waveform:
        if self.edge_ms is not None:
            edge = round(self.edge_ms / 1000 * sample_rate)
            start, stop = rng.integers(-edge, edge + 1, 2)
            waveform = np.pad(waveform, (max(0, -start), max(0, stop)))[max(0, start) :]
            waveform = waveform[: len(waveform) + min(0, stop)]
        if self.noise_db is not None:
            white = rng.standard_normal(len(waveform), dtype=np.float32)
            waveform = _mix(waveform, _coloured(white, rng.uniform(0, 2)), rng.uniform(*self.noise_db))
        if self.hum_db is not None:
            angle = 2 * np.pi * rng.choice(MAINS_HZ) / sample_rate * np.arange(len(waveform)) + rng.uniform(0, 6.28)
            waveform = _mix(waveform, np.sin(angle), rng.uniform(*self.hum_db))
        return waveform


def _coloured(white: Waveform, slope: float) -> Waveform:
    """Noise whose power falls with frequency to the power ``slope``: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(white)
    spectrum *= np.maximum(np.arange(len(spectrum)), 1) ** (-slope / 2)
    return np.fft.irfft(spectrum, len(white)).astype(np.float32)


def _mix(waveform: Waveform, disturbance: np.ndarray, ratio_db: float) -> Waveform:
    """``waveform`` with ``disturbance`` scaled to lie ``ratio_db`` under it, both by RMS."""
    scale = np.sqrt(np.mean(waveform**2) / max(np.mean(disturbance**2), 1e-12)) * 10 ** (-ratio_db / 20)
    return (waveform + scale * disturbance).astype(np.float32)
