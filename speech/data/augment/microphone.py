"""What a microphone, its amplifier and a telephone line make of a sound.

Filters are the second-order sections of the Audio EQ Cookbook (Bristow-Johnson 1998, W3C note of 2021), evaluated on a
grid of frequencies and multiplied there: one convolution for all of them. They are causal, so that nothing sounds
before its time.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
import soxr
from numpy.typing import NDArray

from speech.data.augment.convolution import Batch
from speech.data.augment.strength import Floats, a_chance, a_range, drawn, happens

N_TAPS = 512  # 32 ms: what a low cut at 80 Hz leaves has died away by 98 dB
LINE_RATE = 8_000  # Hz
LINE_HZ = (300.0, 3_400.0)  # the telephone's band, ITU-T G.712
# Butterworth of order 4 and 8 as sections of order 2: the Q of each is 1 / (2 cos of its poles' angle).
LINE_LOW_Q, LINE_HIGH_Q = (0.541, 1.307), (0.510, 0.601, 0.900, 2.563)
MU = 255  # of the companding law, ITU-T G.711
RESONANCE_HZ, RESONANCE_Q = (400.0, 5_000.0), (1.0, 4.0)
TILT_HZ = 1_000.0  # a shelf of half of the tilt lies above it, and half below
# Of z = exp(-i w), w from 0 to pi: z^0, z^1, z^2.
POWERS = np.exp(-1j * np.arange(3)[:, None] * np.linspace(0, np.pi, N_TAPS // 2 + 1))

Spectra = NDArray[np.complex64]  # (n_clips, N_TAPS // 2 + 1)


class Microphone:
    """To a clip with probability ``chance``: a low cut, a high cut, a tilt and a resonance.

    ``low_cut_hz``, ``high_cut_hz`` ``[lowest, highest]``, where 3 dB are gone, 12 dB an octave beyond;
    ``tilt_db`` ``[darkest, brightest]``, treble over bass; ``resonance_db`` ``[deepest, highest]``, somewhere between
    400 and 5 000 Hz.
    """

    def __init__(
        self,
        chance: float = 0.7,
        low_cut_hz: Sequence[float] = (80.0, 400.0),
        high_cut_hz: Sequence[float] = (3_000.0, 7_500.0),
        tilt_db: Sequence[float] = (-8.0, 8.0),
        resonance_db: Sequence[float] = (-6.0, 10.0),
    ) -> None:
        self.chance = a_chance("microphone.chance", chance)
        self.low_cut_hz = a_range("microphone.low_cut_hz", low_cut_hz, least=1)
        self.high_cut_hz = a_range("microphone.high_cut_hz", high_cut_hz, least=1)
        self.tilt_db = a_range("microphone.tilt_db", tilt_db)
        self.resonance_db = a_range("microphone.resonance_db", resonance_db)

    def __call__(
        self, n_clips: int, sample_rate: int, rng: np.random.Generator, strength: float
    ) -> tuple[NDArray[np.intp], Spectra]:
        """The clips that it happens to, and what it makes of each frequency of theirs."""
        clips = happens(rng, n_clips, self.chance, strength)
        low, high = self.low_cut_hz, self.high_cut_hz
        low_cut = drawn(rng, n_clips, low, low[0], strength)[clips]
        high_cut = drawn(rng, n_clips, high, high[1], strength)[clips]
        tilt_db = drawn(rng, n_clips, self.tilt_db, 0, strength)[clips]
        resonance_db = drawn(rng, n_clips, self.resonance_db, 0, strength)[clips]
        at = np.exp(rng.uniform(math.log(RESONANCE_HZ[0]), math.log(RESONANCE_HZ[1]), n_clips))[clips]
        q = rng.uniform(*RESONANCE_Q, n_clips)[clips]
        flat = np.full(len(clips), np.sqrt(0.5))  # Butterworth
        spectra = high_pass(low_cut, flat, sample_rate) * low_pass(high_cut, flat, sample_rate)
        return clips, spectra * shelf(tilt_db, sample_rate) * peak(at, q, resonance_db, sample_rate)


class Telephone:
    """To a clip with probability ``chance``: 300 to 3 400 Hz, and sent at 8 kHz, half of them in 8 bits (mu-law)."""

    def __init__(self, chance: float = 0.2) -> None:
        self.chance = a_chance("telephone.chance", chance)

    def __call__(
        self, n_clips: int, sample_rate: int, rng: np.random.Generator, strength: float
    ) -> tuple[NDArray[np.intp], Spectra, NDArray[np.bool_]]:
        """The clips that it happens to, the line's response, and whether each is sent in 8 bits."""
        clips = happens(rng, n_clips, self.chance, strength)
        in_8_bits = (rng.random(n_clips) < 0.5)[clips]
        return clips, np.repeat(_line(sample_rate), len(clips), axis=0), in_8_bits

    @staticmethod
    def send(
        waveforms: Batch,
        n_samples: NDArray[np.intp],
        sample_rate: int,
        clips: NDArray[np.intp],
        in_8_bits: NDArray[np.bool_],
    ) -> None:
        """Over the line, in place: as 8 kHz and back, by the resampler that reads recordings."""
        for clip, companded in zip(clips, in_8_bits, strict=True):
            sent = soxr.resample(waveforms[clip, : n_samples[clip]], sample_rate, LINE_RATE)
            sent = soxr.resample(mu_law(sent) if companded else sent, LINE_RATE, sample_rate)[: n_samples[clip]]
            waveforms[clip, : n_samples[clip]] = 0  # the resampler may round a clip's length down
            waveforms[clip, : len(sent)] = sent


class Clipping:
    """To a clip with probability ``chance``: an amplifier's limit ``depth_db`` ``[least, most]`` under the clip's peak.

    Half of them are cut off flat there, half bent over (tanh).
    """

    def __init__(self, chance: float = 0.15, depth_db: Sequence[float] = (0.0, 12.0)) -> None:
        self.chance, self.depth_db = a_chance("clipping.chance", chance), a_range("clipping.depth_db", depth_db, 0)

    def __call__(self, waveforms: Batch, rng: np.random.Generator, strength: float) -> None:
        """In place."""
        clips = happens(rng, len(waveforms), self.chance, strength)
        depth_db = drawn(rng, len(waveforms), self.depth_db, self.depth_db[0], strength)
        hard = rng.random(len(waveforms)) < 0.5
        for clip in clips:
            loud = waveforms[clip]
            limit = max(np.float32(np.abs(loud).max() * 10 ** (-depth_db[clip] / 20)), np.float32(1e-8))
            waveforms[clip] = loud.clip(-limit, limit) if hard[clip] else limit * np.tanh(loud / limit)


def convert(waveforms: Batch, gain_db: Floats) -> Batch:
    """Louder by ``gain_db`` ``(n_clips,)`` and in 16 bits: what is over full scale is cut off there."""
    steps: Batch = np.float32(32768) * (10 ** (gain_db / 20)).astype(np.float32)[:, None] * waveforms
    np.rint(steps, out=steps)
    np.clip(steps, -32768, 32767, out=steps)
    steps /= 32768
    return steps


def mu_law(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """There and back: y = sign(x) ln(1 + mu |x|) / ln(1 + mu) in 8 bits, 127 steps to either side of 0."""
    size = np.abs(waveform).clip(max=1)
    code = np.rint(np.log1p(MU * size) / np.log1p(MU) * 127) / 127
    back: NDArray[np.float32] = (np.sign(waveform) * np.expm1(code * np.log1p(MU)) / MU).astype(np.float32)
    return back


def impulse_responses(spectra: Spectra) -> Batch:
    """Of filters that are given by their ``spectra``: ``(n_clips, N_TAPS)``."""
    taps: Batch = np.fft.irfft(spectra, N_TAPS).astype(np.float32)
    return taps


@functools.cache
def _line(sample_rate: int) -> Spectra:
    """The telephone's band, ``(1, N_TAPS // 2 + 1)``."""
    low, high = (np.array([hz]) for hz in LINE_HZ)
    sections = [high_pass(low, np.array([q]), sample_rate) for q in LINE_LOW_Q]
    sections += [low_pass(high, np.array([q]), sample_rate) for q in LINE_HIGH_Q]
    line: Spectra = np.prod(sections, axis=0)
    return line


def high_pass(hz: Floats, q: Floats, sample_rate: int) -> Spectra:
    cos, alpha = _angle(hz, q, sample_rate)
    return _section([(1 + cos) / 2, -(1 + cos), (1 + cos) / 2], [1 + alpha, -2 * cos, 1 - alpha])


def low_pass(hz: Floats, q: Floats, sample_rate: int) -> Spectra:
    cos, alpha = _angle(hz, q, sample_rate)
    return _section([(1 - cos) / 2, 1 - cos, (1 - cos) / 2], [1 + alpha, -2 * cos, 1 - alpha])


def peak(hz: Floats, q: Floats, gain_db: Floats, sample_rate: int) -> Spectra:
    cos, alpha = _angle(hz, q, sample_rate)
    a = 10 ** (gain_db / 40)
    return _section([1 + alpha * a, -2 * cos, 1 - alpha * a], [1 + alpha / a, -2 * cos, 1 - alpha / a])


def shelf(gain_db: Floats, sample_rate: int) -> Spectra:
    """Treble ``gain_db`` over bass."""
    cos, alpha = _angle(np.full_like(gain_db, TILT_HZ), np.full_like(gain_db, np.sqrt(0.5)), sample_rate)
    a = 10 ** (gain_db / 40)
    root = 2 * np.sqrt(a) * alpha
    b = [a + 1 + (a - 1) * cos + root, -2 * (a - 1 + (a + 1) * cos), a + 1 + (a - 1) * cos - root]
    over = [a + 1 - (a - 1) * cos + root, 2 * (a - 1 - (a + 1) * cos), a + 1 - (a - 1) * cos - root]
    return _section(b, over)


def _angle(hz: Floats, q: Floats, sample_rate: int) -> tuple[Floats, Floats]:
    # A corner has to lie under half of the sample rate.
    angle = 2 * np.pi * np.minimum(hz, 0.47 * sample_rate) / sample_rate
    return np.cos(angle), np.sin(angle) / (2 * q)


def _section(b: Sequence[Floats], a: Sequence[Floats]) -> Spectra:
    """(b0 + b1 z + b2 z^2) / (a0 + a1 z + a2 z^2) around the upper half of the unit circle."""
    above, below = (np.stack(coefficients, axis=1) @ POWERS for coefficients in (b, a))
    return (above / below).astype(np.complex64)
