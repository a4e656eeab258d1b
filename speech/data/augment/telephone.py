"""A telephone line: its band, 8 000 Hz and, for half of the calls, 8 bits."""

from __future__ import annotations

import functools

import numpy as np
import soxr
from numpy.typing import NDArray

from speech.common.ranges import checked_proportion
from speech.data.augment.convolution import Batch
from speech.data.augment.filters import Spectra, high_pass, low_pass
from speech.data.augment.strength import happens

LINE_RATE = 8_000  # Hz
LINE_HZ = (300.0, 3_400.0)  # ITU-T G.712
# Butterworth of order 4 and 8 as sections of order 2: the Q of each is 1 / (2 cos of its poles' angle).
LINE_LOW_Q, LINE_HIGH_Q = (0.541, 1.307), (0.510, 0.601, 0.900, 2.563)
MU = 255  # the constant of the companding law, ITU-T G.711


class Telephone:
    """Sends a clip, with probability ``chance``, through 300 to 3 400 Hz at 8 kHz, half of them in 8 bits (mu-law)."""

    def __init__(self, chance: float) -> None:
        self.chance = checked_proportion("augment.channel.telephone.chance", chance)

    def __call__(
        self, n_clips: int, sample_rate: int, rng: np.random.Generator, strength: float
    ) -> tuple[NDArray[np.intp], Spectra, NDArray[np.bool_]]:
        """The indices of the clips that are sent, a frequency response for each, and whether it is sent in 8 bits."""
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
        """Resample ``clips`` of ``waveforms`` to 8 kHz and back in place, some of them through 8 bits."""
        for clip, companded in zip(clips, in_8_bits, strict=True):
            sent = soxr.resample(waveforms[clip, : n_samples[clip]], sample_rate, LINE_RATE)
            sent = soxr.resample(mu_law(sent) if companded else sent, LINE_RATE, sample_rate)[: n_samples[clip]]
            waveforms[clip, : n_samples[clip]] = 0  # the resampler may round a clip's length down
            waveforms[clip, : len(sent)] = sent


def mu_law(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compress, quantise and expand: y = sign(x) ln(1 + mu |x|) / ln(1 + mu), with 127 steps on each side of 0."""
    size = np.abs(waveform).clip(max=1)
    code = np.rint(np.log1p(MU * size) / np.log1p(MU) * 127) / 127
    expanded: NDArray[np.float32] = (np.sign(waveform) * np.expm1(code * np.log1p(MU)) / MU).astype(np.float32)
    return expanded


@functools.cache
def _line(sample_rate: int) -> Spectra:
    """The frequency response of the line, ``(1, N_TAPS // 2 + 1)``."""
    low, high = (np.array([hz]) for hz in LINE_HZ)
    sections = [high_pass(low, np.array([q]), sample_rate) for q in LINE_LOW_Q]
    sections += [low_pass(high, np.array([q]), sample_rate) for q in LINE_HIGH_Q]
    line: Spectra = np.prod(sections, axis=0)
    return line
