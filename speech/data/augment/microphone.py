"""The frequency response of a microphone and its placement: cuts, tilt and a resonance."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from speech.common.ranges import checked_proportion, checked_range
from speech.data.augment.filters import Spectra, high_pass, low_pass, peak, shelf
from speech.data.augment.strength import drawn, happens

RESONANCE_HZ, RESONANCE_Q = (400.0, 5_000.0), (1.0, 4.0)
TILT_HZ = 1_000.0


class Microphone:
    """Filters a clip, with probability ``chance``: a low cut, a high cut, a tilt and a resonance.

    ``low_cut_hz``, ``high_cut_hz`` ``[lowest, highest]`` are the -3 dB points, beyond which the response falls by 12 dB
    an octave; ``tilt_db`` ``[darkest, brightest]`` is the gain of treble relative to bass; ``resonance_db``
    ``[deepest, highest]`` is the gain at a frequency drawn between 400 and 5 000 Hz.
    """

    def __init__(
        self,
        chance: float,
        low_cut_hz: Sequence[float],
        high_cut_hz: Sequence[float],
        tilt_db: Sequence[float],
        resonance_db: Sequence[float],
    ) -> None:
        key = "augment.channel.microphone"
        self.chance = checked_proportion(f"{key}.chance", chance)
        self.low_cut_hz = checked_range(f"{key}.low_cut_hz", low_cut_hz, least=1)
        self.high_cut_hz = checked_range(f"{key}.high_cut_hz", high_cut_hz, least=1)
        self.tilt_db = checked_range(f"{key}.tilt_db", tilt_db)
        self.resonance_db = checked_range(f"{key}.resonance_db", resonance_db)

    def __call__(
        self, n_clips: int, sample_rate: int, rng: np.random.Generator, strength: float
    ) -> tuple[NDArray[np.intp], Spectra]:
        """The indices of the clips that are filtered, and a frequency response for each of them."""
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
        tilt = shelf(np.full(len(clips), TILT_HZ), tilt_db, sample_rate)
        return clips, spectra * tilt * peak(at, q, resonance_db, sample_rate)
