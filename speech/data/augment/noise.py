"""What else is heard at the microphone: noise of any colour, other people, mains hum.

Each source gives, for some clips of a batch, a disturbance as long as the clip, margins included: in a recording noise
begins before the name and goes on after it. Levels are signal-to-noise ratios, the clip's power over the disturbance's,
in dB, over the whole of the clip.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speech.audio.files import Waveform
from speech.data.augment.convolution import Batch
from speech.data.augment.strength import Floats, a_chance, a_range, drawn, happens

N_COLOURS = 9
BANK_SAMPLES = 1 << 18
N_HUMS = 16
N_HARMONICS = 8
N_TALKERS = (3, 6)  # fewer are understood, and more sound like noise


class Disturbance(NamedTuple):
    clips: NDArray[np.intp]  # the places in the batch that are disturbed
    sound: list[Waveform]  # of each, at least as long as the clip, at any level
    snr_db: Floats  # (len(clips),)


class Noise:
    """To a clip with probability ``chance``, ``snr_db`` ``[least, most]``; its power falls as 1 / f^0 ... 1 / f^2."""

    def __init__(self, chance: float = 0.6, snr_db: Sequence[float] = (5.0, 40.0)) -> None:
        self.chance, self.snr_db = a_chance("noise.chance", chance), a_range("noise.snr_db", snr_db)
        self._bank = noise_bank()

    def __call__(
        self, waveforms: Batch, n_samples: NDArray[np.intp], sample_rate: int, rng: np.random.Generator, strength: float
    ) -> Disturbance:
        n_clips = len(waveforms)
        clips = happens(rng, n_clips, self.chance, strength)
        snr_db = drawn(rng, n_clips, self.snr_db, self.snr_db[1], strength)
        colour, start = rng.integers(N_COLOURS, size=n_clips), rng.integers(BANK_SAMPLES, size=n_clips)
        sound = [_going_round(self._bank[colour[i]], start[i], waveforms.shape[1]) for i in clips]
        return Disturbance(clips, sound, snr_db[clips])


class Babble:
    """Three to six other clips of the batch at once, over and over, each from anywhere in it, equally loud.

    A clip that is alone in its batch hears none.
    """

    def __init__(self, chance: float = 0.25, snr_db: Sequence[float] = (8.0, 35.0)) -> None:
        self.chance, self.snr_db = a_chance("babble.chance", chance), a_range("babble.snr_db", snr_db)

    def __call__(
        self, waveforms: Batch, n_samples: NDArray[np.intp], sample_rate: int, rng: np.random.Generator, strength: float
    ) -> Disturbance:
        n_clips, width = waveforms.shape
        clips = happens(rng, n_clips, self.chance, strength)
        snr_db = drawn(rng, n_clips, self.snr_db, self.snr_db[1], strength)
        n_talkers = rng.integers(N_TALKERS[0], N_TALKERS[1] + 1, size=(n_clips, 1))
        further = rng.random((n_clips, N_TALKERS[1]))  # which of the others: never the clip itself
        start = rng.random((n_clips, N_TALKERS[1]))
        if n_clips == 1:
            clips = clips[:0]
        sound = []
        for i in clips:
            others = (i + 1 + (further[i, : n_talkers[i, 0]] * (n_clips - 1)).astype(int)) % n_clips
            talk = np.zeros(width, np.float32)
            for other, part in zip(others, start[i], strict=False):
                said = waveforms[other, : n_samples[other]]
                level = np.sqrt(np.dot(said, said) / len(said)) + np.float32(1e-8)
                talk += _going_round(said, int(part * len(said)), width) / level
            sound.append(talk)
        return Disturbance(clips, sound, snr_db[clips])


class Hum:
    """Mains of 50 or 60 Hz and its harmonics, of which each is somewhat fainter than the one before."""

    def __init__(self, chance: float = 0.3, snr_db: Sequence[float] = (10.0, 45.0)) -> None:
        self.chance, self.snr_db = a_chance("hum.chance", chance), a_range("hum.snr_db", snr_db)

    def __call__(
        self, waveforms: Batch, n_samples: NDArray[np.intp], sample_rate: int, rng: np.random.Generator, strength: float
    ) -> Disturbance:
        n_clips = len(waveforms)
        clips = happens(rng, n_clips, self.chance, strength)
        snr_db = drawn(rng, n_clips, self.snr_db, self.snr_db[1], strength)
        which, start = rng.integers(N_HUMS, size=n_clips), rng.integers(sample_rate, size=n_clips)
        bank = hum_bank(sample_rate)
        sound = [_going_round(bank[which[i]], start[i], waveforms.shape[1]) for i in clips]
        return Disturbance(clips, sound, snr_db[clips])


def add(waveforms: Batch, n_samples: NDArray[np.intp], disturbances: Sequence[Disturbance]) -> None:
    """To ``waveforms`` in place, each at its ratio to the clip without any of them; 0 beyond it still."""
    undisturbed = np.einsum("ij,ij->i", waveforms, waveforms)  # before any of them is added
    for clips, sound, snr_db in disturbances:
        for clip, one, ratio_db in zip(clips, sound, snr_db, strict=True):
            one = one[: n_samples[clip]]
            power = undisturbed[clip] / max(float(np.dot(one, one)), 1e-12)
            waveforms[clip, : len(one)] += np.float32(np.sqrt(power) * 10 ** (-ratio_db / 20)) * one


@functools.cache
def noise_bank() -> Batch:
    """Noise ``(N_COLOURS, BANK_SAMPLES)`` whose power falls with frequency to the power 0 (white) ... 2 (brown).

    Made once: shaping noise for every clip would take longer than training on it. Its end goes on at its beginning.
    """
    white = np.fft.rfft(np.random.default_rng(0).standard_normal((N_COLOURS, BANK_SAMPLES)))
    slope = np.linspace(0, 2, N_COLOURS)[:, None]
    coloured = np.fft.irfft(white * np.maximum(np.arange(white.shape[1]), 100.0) ** (-slope / 2))
    bank: Batch = (coloured / coloured.std(axis=1, keepdims=True)).astype(np.float32)
    return bank


@functools.cache
def hum_bank(sample_rate: int) -> Batch:
    """One second ``(N_HUMS, sample_rate)`` of as many hums: all harmonics are whole Hz, so that it can go round."""
    rng = np.random.default_rng(0)
    harmonic = np.arange(1, N_HARMONICS + 1)
    hz = np.where(np.arange(N_HUMS) % 2, 50, 60)[:, None] * harmonic
    level = rng.random((N_HUMS, N_HARMONICS)) / harmonic
    phase = rng.uniform(0, 2 * np.pi, (N_HUMS, N_HARMONICS))
    turns = hz[..., None] * np.arange(sample_rate) / sample_rate
    bank: Batch = (level[..., None] * np.sin(2 * np.pi * turns + phase[..., None])).sum(axis=1).astype(np.float32)
    return bank


def _going_round(sound: Waveform, start: int, n_samples: int) -> Waveform:
    """``n_samples`` of ``sound`` from ``start`` on; after its end it begins again."""
    n_times = -(-(start + n_samples) // len(sound))
    once: Waveform = sound if n_times == 1 else np.concatenate([sound] * n_times)
    return once[start : start + n_samples]
