"""Frequency responses of second-order filters, and impulse responses of their products.

The sections are those of the Audio EQ Cookbook (Bristow-Johnson 1998, W3C note of 2021), evaluated on a grid of
frequencies. Their product there makes several filters a single convolution, which is causal.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from speech.data.augment.convolution import Batch
from speech.data.augment.strength import Floats

N_TAPS = 512  # 32 ms: the response of a low cut at 80 Hz has decayed by 98 dB
# z = exp(-i w), w from 0 to pi: z^0, z^1, z^2.
POWERS = np.exp(-1j * np.arange(3)[:, None] * np.linspace(0, np.pi, N_TAPS // 2 + 1))

Spectra = NDArray[np.complex64]  # (n_clips, N_TAPS // 2 + 1)


def impulse_responses(spectra: Spectra) -> Batch:
    """The impulse responses ``(n_clips, N_TAPS)`` of filters with these ``spectra``."""
    taps: Batch = np.fft.irfft(spectra, N_TAPS).astype(np.float32)
    return taps


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


def shelf(hz: Floats, gain_db: Floats, sample_rate: int) -> Spectra:
    """A gain higher by ``gain_db`` above ``hz`` than below: half of it as a boost above, half as a cut below."""
    cos, alpha = _angle(hz, np.full_like(gain_db, np.sqrt(0.5)), sample_rate)
    a = 10 ** (gain_db / 40)
    root = 2 * np.sqrt(a) * alpha
    b = [a + 1 + (a - 1) * cos + root, -2 * (a - 1 + (a + 1) * cos), a + 1 + (a - 1) * cos - root]
    over = [a + 1 - (a - 1) * cos + root, 2 * (a - 1 - (a + 1) * cos), a + 1 - (a - 1) * cos - root]
    return _section(b, over)


def _angle(hz: Floats, q: Floats, sample_rate: int) -> tuple[Floats, Floats]:
    # A corner frequency has to be below half the sample rate.
    angle = 2 * np.pi * np.minimum(hz, 0.47 * sample_rate) / sample_rate
    return np.cos(angle), np.sin(angle) / (2 * q)


def _section(b: Sequence[Floats], a: Sequence[Floats]) -> Spectra:
    """(b0 + b1 z + b2 z^2) / (a0 + a1 z + a2 z^2) on half of the unit circle, at ``POWERS``."""
    above, below = (np.stack(coefficients, axis=1) @ POWERS for coefficients in (b, a))
    return (above / below).astype(np.complex64)
