"""End-pointing: the span of the name in a recording, between silence, hum and clicks. numpy only.

A recording of a name is 1 to 5 s long, the name 0.5 s. Features are normalised over the name alone, so every clip is
end-pointed, in training as in use.

Method: short-time energy in the band of speech (Rabiner and Sambur 1975), less the constant power of each band
(spectral subtraction, Boll 1979), then a threshold below the loudest frame.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from speech.audio.files import Waveform

FRAME_MS = 25.0
HOP_MS = 10.0
BAND_HZ = (200.0, 7_000.0)  # mains hum and rumble are below; an s may have no power under 4 000
N_BANDS = 16  # on the mel scale, so wide that the power of a noise in one frame of a band is near its mean
N_SMOOTHED = 5  # frames
TILT_HZ = 2_200.0  # above it power is raised by 6 dB an octave: fricatives are softer than vowels
FLOOR_PERCENT = 10  # of the frames are background, at least
NAME_S = 1.0  # few names are longer: the rest of a recording is background
OVER_SUBTRACTION = 3.0  # times the floor is subtracted: a steady noise leaves nothing in most frames
DEPTH_DB = 35.0  # the threshold under the loudest frame
OVER_FLOOR_DB = 8.0  # or over the background, where that is higher
LEAST_DEPTH_DB = 22.0  # but never nearer to the loudest frame: the background of a trimmed clip is itself speech
GAP_S = 0.8  # the pause between a first and a last name
CLICK_S = 0.03  # shorter than any isolated phone
MARGIN_S = 0.06  # onset and release are softer than the threshold
SILENCE = 1e-4  # peak amplitude (-80 dBFS)


class NoSpeechError(ValueError):
    """No span of the recording is louder than its background."""


def _mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Hz to mel (O'Shaughnessy 1987)."""
    mel: NDArray[np.float64] = 2595 * np.log10(1 + hz / 700)
    return mel


@lru_cache(maxsize=4)  # one a sample rate
def _bands(length: int, sample_rate: int) -> NDArray[np.float64]:
    """Weight of each squared number of a spectrum in each band, ``(2 n_frequencies, N_BANDS)``.

    The real and the imaginary part of a frequency are rows of their own, in numpy's order.
    """
    frequency = np.fft.rfftfreq(length, 1 / sample_rate).astype(np.float64)
    inside = (frequency >= BAND_HZ[0]) & (frequency <= BAND_HZ[1])
    low, high = _mel(np.array([BAND_HZ[0], min(BAND_HZ[1], sample_rate / 2)]))
    edges = np.linspace(low, high, N_BANDS, endpoint=False)
    of_band = np.searchsorted(edges, _mel(frequency), side="right")[:, None] == np.arange(1, N_BANDS + 1)
    tilt = 1 + (frequency / TILT_HZ) ** 2
    return np.repeat(of_band * (tilt * inside)[:, None], 2, axis=0)


def _band_power(waveform: Waveform, sample_rate: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Power of each frame in the band of speech, less its constant part, ``(n_frames,)``; and which frames sound.

    The others are digital silence (padding), which tells nothing about the background.
    """
    length = round(sample_rate * FRAME_MS / 1000)
    hop = round(sample_rate * HOP_MS / 1000)
    padded = np.pad(waveform, (0, max(0, length - len(waveform))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, length)[::hop]
    sounds = np.maximum(frames.max(axis=1), -frames.min(axis=1)) >= SILENCE
    spectrum = np.fft.rfft(frames.astype(np.float64) * np.hanning(length), axis=1)
    band = np.square(spectrum.view(np.float64)) @ _bands(length, sample_rate) * sounds[:, None]
    # The mean over N_SMOOTHED frames, of those that exist and sound.
    edge = N_SMOOTHED // 2
    padded = np.pad(band, ((edge, edge), (0, 0)))
    n_sounding = np.convolve(sounds, np.ones(N_SMOOTHED))[edge : edge + len(sounds)]
    smooth = sum(padded[i : i + len(band)] for i in range(N_SMOOTHED)) / np.maximum(n_sounding, 1)[:, None]
    floor = np.percentile(smooth[sounds], FLOOR_PERCENT, axis=0)
    return np.maximum(smooth - OVER_SUBTRACTION * floor, 0).sum(axis=1) * sounds, sounds


def find_speech(waveform: Waveform, sample_rate: int) -> tuple[int, int]:
    """The samples of the name, ``start, stop`` with 0 <= start < stop <= n_samples, without a margin.

    Raises NoSpeechError for silence.
    """
    peak = float(np.abs(waveform).max(initial=0.0))
    if peak < SILENCE:
        raise NoSpeechError(f"no speech found: peak amplitude {peak:.1g} is silence")
    power, sounds = _band_power(waveform, sample_rate)
    if power.max() <= 0:
        raise NoSpeechError("no speech found: the sound never changes")
    level = 10 * np.log10(power / power.max() + 1e-10)
    rest = 1 - NAME_S / (sounds.sum() * HOP_MS / 1000)  # proportion of the recording without the name
    background = float(np.percentile(level[sounds], max(FLOOR_PERCENT, 70 * rest)))
    threshold = max(-DEPTH_DB, min(background + OVER_FLOOR_DB, -LEAST_DEPTH_DB))
    hop_s = HOP_MS / 1000

    def lasts_s(first: int, last: int) -> float:
        widened = N_SMOOTHED // 2 * ((first > 0) + (last < len(level)))  # by the smoothing, except beyond an end
        return (last - first - widened) * hop_s

    # Runs of loud frames, joined over short gaps, as [first, last + 1).
    edges = np.flatnonzero(np.diff(np.r_[0, (level > threshold).astype(np.int8), 0]))
    runs: list[list[int]] = []
    for first, last in edges.reshape(-1, 2).tolist():
        if lasts_s(first, last) < CLICK_S:
            continue
        if runs and (first - runs[-1][1]) * hop_s <= GAP_S:
            runs[-1][1] = last
        else:
            runs.append([first, last])
    # The overlap of frames makes a click longer by a frame less a hop.
    runs = [run for run in runs if lasts_s(*run) >= CLICK_S + (FRAME_MS - HOP_MS) / 1000]
    if not runs:
        raise NoSpeechError("no speech found: nothing but clicks")
    first, last = max(runs, key=lambda run: float(power[run[0] : run[1]].sum()))

    hop = round(sample_rate * hop_s)
    return first * hop, min(len(waveform), (last - 1) * hop + round(sample_rate * FRAME_MS / 1000))


def trim_silence(waveform: Waveform, sample_rate: int) -> tuple[Waveform, float]:
    """The name with MARGIN_S before and after it, and the time in seconds at which that begins in the recording.

    A recording that ends within the margin is padded with zeros, so that clips trimmed more or less tightly give the
    same result; the time may be negative. Raises NoSpeechError for silence.
    """
    start, stop = find_speech(waveform, sample_rate)
    margin = round(sample_rate * MARGIN_S)
    padded = np.pad(waveform, margin)  # sample i of the recording is i + margin here
    return padded[start : stop + 2 * margin], (start - margin) / sample_rate
