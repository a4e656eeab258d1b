"""The effects of a telephone and of noise on a whole recording, before end-pointing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from scipy.signal import butter, resample_poly, sosfilt

from speech.audio import endpointing
from speech.audio.files import Waveform

TELEPHONE_HZ = (300.0, 3_400.0)  # ITU-T G.712
SAMPLE_RATE = 16_000


def telephone(waveform: Waveform) -> Waveform:
    """Band-limit to a telephone's band, at 8 kHz and back."""
    sections: Any = butter(4, TELEPHONE_HZ, "bandpass", fs=SAMPLE_RATE, output="sos")
    narrow = resample_poly(resample_poly(sosfilt(sections, waveform), 1, 2), 2, 1)[: len(waveform)]
    return np.asarray(narrow, dtype=np.float32)


def pink(n_samples: int, rng: np.random.Generator) -> Waveform:
    """Noise with equal power in every octave above 20 Hz."""
    spectrum = np.fft.rfft(rng.normal(size=n_samples))
    hz = np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE)
    return np.fft.irfft(spectrum / np.sqrt(np.maximum(hz, 20.0)), n_samples).astype(np.float32)


def babble(n_samples: int, others: Sequence[Waveform], rng: np.random.Generator) -> Waveform:
    """All ``others`` (trimmed speech) at once, equally loud, each starting at a random point and repeated."""
    mixed = np.zeros(n_samples, np.float32)
    for other in others:
        start = rng.integers(len(other))
        mixed += np.resize(np.roll(other, -start), n_samples) / np.sqrt(np.mean(other**2))
    return mixed


def kinds(
    talkers: Iterable[Waveform], snr_db: float, rng: np.random.Generator
) -> dict[str, Callable[[Waveform], Waveform]]:
    """By name: a telephone, and pink noise or babble of ``talkers``, each ``snr_db`` below the speech."""
    others = [endpointing.trim_silence(one, SAMPLE_RATE)[0] for one in talkers]
    return {
        "telephone": telephone,
        f"pink noise, {snr_db} dB": lambda x: with_noise(x, pink(len(x), rng), snr_db),
        f"babble, {snr_db} dB": lambda x: with_noise(x, babble(len(x), others, rng), snr_db),
    }


def with_noise(waveform: Waveform, noise: Waveform, snr_db: float) -> Waveform:
    """Add ``noise`` to the whole recording, ``snr_db`` below the power of the speech found in it."""
    start, stop = endpointing.find_speech(waveform, SAMPLE_RATE)
    speech = np.mean(waveform[start:stop] ** 2)
    scale = np.sqrt(speech / np.mean(noise**2) * 10 ** (-snr_db / 10))
    return (waveform + scale * noise).astype(np.float32)
