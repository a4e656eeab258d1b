"""Noise of any colour, babble and mains hum.

Each source gives disturbances for some clips of a batch. They cover the clips with their margins, since in a recording
noise begins before the name and ends after it. Levels are signal-to-noise ratios in dB, of powers over the whole clip.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speech.audio.files import Waveform
from speech.common.ranges import checked_proportion, checked_range
from speech.data.augment.convolution import Batch
from speech.data.augment.strength import Floats, drawn, happens

N_COLOURS = 9
BANK_SAMPLES = 1 << 18
N_HUMS = 16
N_HARMONICS = 8
N_TALKERS = (3, 6)  # fewer would be intelligible, more would sound like noise


class Disturbance(NamedTuple):
    clips: NDArray[np.intp]  # indices in the batch
    sound: list[Waveform]  # one for each of ``clips``, at least as long as the clip, at any level
    snr_db: Floats  # (len(clips),)


class _Source:
    """Disturbs a clip with probability ``chance``, at a level ``snr_db`` ``[least, most]`` below it."""

    def __init__(self, chance: float, snr_db: Sequence[float]) -> None:
        key = f"augment.noises.{type(self).__name__.lower()}"
        self.chance = checked_proportion(f"{key}.chance", chance)
        self.snr_db = checked_range(f"{key}.snr_db", snr_db)


class Noise(_Source):
    """Noise whose power falls as 1 / f^0 (white) to 1 / f^2 (brown)."""

    def __call__(
        self, waveforms: Batch, n_samples: NDArray[np.intp], sample_rate: int, rng: np.random.Generator, strength: float
    ) -> Disturbance:
        return _from_bank(noise_bank(), self, waveforms, rng, strength)


class Hum(_Source):
    """Mains hum of 50 or 60 Hz with its harmonics, which get fainter with frequency."""

    def __call__(
        self, waveforms: Batch, n_samples: NDArray[np.intp], sample_rate: int, rng: np.random.Generator, strength: float
    ) -> Disturbance:
        return _from_bank(hum_bank(sample_rate), self, waveforms, rng, strength)


def _from_bank(
    bank: Batch, source: _Source, waveforms: Batch, rng: np.random.Generator, strength: float
) -> Disturbance:
    """Random rows of ``bank``, each from a random start."""
    n_clips = len(waveforms)
    clips = happens(rng, n_clips, source.chance, strength)
    snr_db = drawn(rng, n_clips, source.snr_db, source.snr_db[1], strength)
    row, start = rng.integers(len(bank), size=n_clips), rng.integers(bank.shape[1], size=n_clips)
    return Disturbance(clips, [_repeated(bank[row[i]], start[i], waveforms.shape[1]) for i in clips], snr_db[clips])


class Babble(_Source):
    """Three to six other clips of the batch at once, equally loud, each repeated and from a random start.

    A clip that is alone in its batch gets no babble.
    """

    def __call__(
        self, waveforms: Batch, n_samples: NDArray[np.intp], sample_rate: int, rng: np.random.Generator, strength: float
    ) -> Disturbance:
        n_clips, width = waveforms.shape
        clips = happens(rng, n_clips, self.chance, strength)
        snr_db = drawn(rng, n_clips, self.snr_db, self.snr_db[1], strength)
        n_talkers = rng.integers(N_TALKERS[0], N_TALKERS[1] + 1, size=(n_clips, 1))
        further = rng.random((n_clips, N_TALKERS[1]))  # selects the other clips, never the clip itself
        start = rng.random((n_clips, N_TALKERS[1]))
        if n_clips == 1:
            clips = clips[:0]
        sound = []
        for i in clips:
            others = (i + 1 + (further[i, : n_talkers[i, 0]] * (n_clips - 1)).astype(int)) % n_clips
            talk = np.zeros(width, np.float32)
            for other, part in zip(others, start[i], strict=False):
                speech = waveforms[other, : n_samples[other]]
                level = np.sqrt(np.dot(speech, speech) / len(speech)) + np.float32(1e-8)
                talk += _repeated(speech, int(part * len(speech)), width) / level
            sound.append(talk)
        return Disturbance(clips, sound, snr_db[clips])


def add(waveforms: Batch, n_samples: NDArray[np.intp], disturbances: Sequence[Disturbance]) -> None:
    """Add ``disturbances`` in place, each at its ratio to the undisturbed clip; 0 beyond the clip's ``n_samples``."""
    undisturbed = np.einsum("ij,ij->i", waveforms, waveforms)
    for clips, sound, snr_db in disturbances:
        for clip, one, ratio_db in zip(clips, sound, snr_db, strict=True):
            one = one[: n_samples[clip]]
            power = undisturbed[clip] / max(float(np.dot(one, one)), 1e-12)
            waveforms[clip, : len(one)] += np.float32(np.sqrt(power) * 10 ** (-ratio_db / 20)) * one


@functools.cache
def noise_bank() -> Batch:
    """Noise ``(N_COLOURS, BANK_SAMPLES)`` whose power falls with frequency to the power 0 (white) ... 2 (brown).

    Made once, since shaping noise for every clip would take longer than training on it. It repeats without a seam.
    """
    white = np.fft.rfft(np.random.default_rng(0).standard_normal((N_COLOURS, BANK_SAMPLES)))
    slope = np.linspace(0, 2, N_COLOURS)[:, None]
    coloured = np.fft.irfft(white * np.maximum(np.arange(white.shape[1]), 100.0) ** (-slope / 2))
    bank: Batch = (coloured / coloured.std(axis=1, keepdims=True)).astype(np.float32)
    return bank


@functools.cache
def hum_bank(sample_rate: int) -> Batch:
    """One second ``(N_HUMS, sample_rate)`` of each hum; frequencies are whole numbers of Hz, so that it can repeat."""
    rng = np.random.default_rng(0)
    harmonic = np.arange(1, N_HARMONICS + 1)
    hz = np.where(np.arange(N_HUMS) % 2, 50, 60)[:, None] * harmonic
    level = rng.random((N_HUMS, N_HARMONICS)) / harmonic
    phase = rng.uniform(0, 2 * np.pi, (N_HUMS, N_HARMONICS))
    turns = hz[..., None] * np.arange(sample_rate) / sample_rate
    bank: Batch = (level[..., None] * np.sin(2 * np.pi * turns + phase[..., None])).sum(axis=1).astype(np.float32)
    return bank


def _repeated(sound: Waveform, start: int, n_samples: int) -> Waveform:
    """``n_samples`` of the repeated ``sound``, beginning at ``start``."""
    n_times = -(-(start + n_samples) // len(sound))
    once: Waveform = sound if n_times == 1 else np.concatenate([sound] * n_times)
    return once[start : start + n_samples]
