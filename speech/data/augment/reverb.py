"""Reverberation of synthetic rooms, which are as good for training as measured ones (Ko et al. 2017).

The impulse response of a room is the direct sound, early reflections from the walls, and a dense tail whose energy
falls by 60 dB in the reverberation time RT60. The tail is noise times an exponential (Moorer 1979, Polack 1988); the
reflections are single taps of the same decay.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from speech.common.ranges import Range, checked_proportion, checked_range
from speech.data.augment.convolution import Batch, convolve
from speech.data.augment.strength import drawn, happens

N_ROOMS = 256
N_REFLECTIONS = 8
LENGTH = 0.75  # of the tail, in units of RT60: it is cut off 45 dB below its beginning
NEAREST_S, EARLY_S = 0.002, 0.04  # the first reflection is 0.7 m behind the direct sound; later ones overlap
ABSORPTION = 0.35  # the pole of a one-pole low-pass: walls and air absorb treble


class Reverb:
    """Reverberates a clip with probability ``chance``: y = x + 10^(-DRR / 20) x * tail, with a tail of energy 1.

    ``rt60_s`` ``[driest, longest]`` is the reverberation time, ``drr_db`` ``[least, most]`` the direct-to-reverberant
    energy ratio. The direct sound keeps its time and level; the tail ends at the clip's end.
    """

    def __init__(self, chance: float, rt60_s: Sequence[float], drr_db: Sequence[float]) -> None:
        self.chance = checked_proportion("augment.reverb.chance", chance)
        self.rt60_s = checked_range("augment.reverb.rt60_s", rt60_s, least=0.02)
        self.drr_db = checked_range("augment.reverb.drr_db", drr_db)

    def __call__(
        self, waveforms: Batch, n_samples: NDArray[np.intp], sample_rate: int, rng: np.random.Generator, strength: float
    ) -> None:
        """Changes ``waveforms`` in place; they are 0 beyond each clip's ``n_samples``."""
        clips = happens(rng, len(waveforms), self.chance, strength)
        room = drawn(rng, len(waveforms), (0, N_ROOMS - 1), 0, strength)[clips].round().astype(int)
        drr_db = drawn(rng, len(waveforms), self.drr_db, self.drr_db[1], strength)[clips, None]
        if len(clips) == 0:
            return
        rt60_s, tails = rooms(self.rt60_s, sample_rate)
        longest = min(int(LENGTH * rt60_s[room].max() * sample_rate), int(n_samples[clips].max()))
        gain = (10 ** (-drr_db / 20)).astype(np.float32)
        reflected = gain * convolve(waveforms[clips], tails[room, :longest])
        waveforms[clips] += reflected * (np.arange(reflected.shape[1]) < n_samples[clips, None])


@functools.cache
def rooms(rt60_s: Range, sample_rate: int) -> tuple[NDArray[np.float64], Batch]:
    """Ascending reverberation times ``(N_ROOMS,)``, and tails ``(N_ROOMS, n_taps)``: energy 1, no direct sound."""
    rng = np.random.default_rng(0)
    times = np.linspace(*rt60_s, N_ROOMS)
    n_taps = math.ceil(LENGTH * rt60_s[1] * sample_rate)
    seconds = np.arange(n_taps) / sample_rate
    noise = rng.standard_normal((N_ROOMS, n_taps))
    noise *= np.clip((seconds - NEAREST_S) / (EARLY_S - NEAREST_S), 0, 1)  # reflections grow denser
    early = rng.uniform(NEAREST_S, EARLY_S, (N_ROOMS, N_REFLECTIONS))
    tap = (early * sample_rate).astype(int).clip(1, n_taps - 1)
    # A tap has the energy of EARLY_S / N_REFLECTIONS seconds of noise.
    size = math.sqrt(EARLY_S * sample_rate / N_REFLECTIONS)
    np.put_along_axis(noise, tap, size * rng.choice([-1.0, 1.0], tap.shape), axis=1)
    # 60 dB are a factor of 1000 in amplitude.
    tails = noise * np.exp(-math.log(1000) * seconds / times[:, None])
    # The low-pass (1 - a) / (1 - a z^-1), whose response decays within a few samples.
    dull = (1 - ABSORPTION) * ABSORPTION ** np.arange(16, dtype=np.float32)
    dulled = convolve(tails.astype(np.float32), np.tile(dull, (N_ROOMS, 1)))
    dulled[seconds > LENGTH * times[:, None]] = 0
    dulled /= np.sqrt(np.square(dulled).sum(axis=1, keepdims=True))
    return times, dulled
