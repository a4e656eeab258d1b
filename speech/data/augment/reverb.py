"""Reverberation: a clip as it is heard some way off, in a room.

A room answers a click with early reflections from its walls and then a dense tail whose energy falls by 60 dB in the
reverberation time RT60. The tail is noise times an exponential (Moorer 1979, Polack 1988), the reflections are single
taps on the same slope; that made-up rooms serve for training as measured ones do is from Ko et al. 2017.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from speech.data.augment.convolution import Batch, convolve
from speech.data.augment.strength import Pair, a_chance, a_range, drawn, happens

N_ROOMS = 256
N_REFLECTIONS = 8
AS_LONG = 0.75  # times RT60: what is then left of a tail, 45 dB under its beginning, is cut off
NEAREST_S, EARLY_S = 0.002, 0.04  # the first wall is 0.7 m of way round; then there are too many to tell apart
ABSORPTION = 0.35  # of a one-pole low-pass: walls and air take treble


class Reverb:
    """To a clip with probability ``chance``: y = x + 10^(-DRR / 20) x * tail, with a tail of energy 1.

    ``rt60_s`` ``[driest, longest]``, ``drr_db`` ``[least, most]``: the direct sound's energy over that of all the rest.
    The direct sound keeps its time and level; the tail rings on until the clip's end.
    """

    def __init__(
        self, chance: float = 0.5, rt60_s: Sequence[float] = (0.1, 0.7), drr_db: Sequence[float] = (-3.0, 15.0)
    ) -> None:
        self.chance = a_chance("reverb.chance", chance)
        self.rt60_s, self.drr_db = a_range("reverb.rt60_s", rt60_s, least=0.02), a_range("reverb.drr_db", drr_db)

    def __call__(
        self, waveforms: Batch, n_samples: NDArray[np.intp], sample_rate: int, rng: np.random.Generator, strength: float
    ) -> None:
        """In place; 0 beyond each clip's ``n_samples`` still."""
        clips = happens(rng, len(waveforms), self.chance, strength)
        room = drawn(rng, len(waveforms), (0, N_ROOMS - 1), 0, strength)[clips].round().astype(int)
        drr_db = drawn(rng, len(waveforms), self.drr_db, self.drr_db[1], strength)[clips, None]
        if len(clips) == 0:
            return
        rt60_s, tails = rooms(self.rt60_s, sample_rate)
        longest = min(int(AS_LONG * rt60_s[room].max() * sample_rate), int(n_samples[clips].max()))
        gain = (10 ** (-drr_db / 20)).astype(np.float32)
        reflected = gain * convolve(waveforms[clips], tails[room, :longest])
        waveforms[clips] += reflected * (np.arange(reflected.shape[1]) < n_samples[clips, None])


@functools.cache
def rooms(rt60_s: Pair, sample_rate: int) -> tuple[NDArray[np.float64], Batch]:
    """Reverberation times ``(N_ROOMS,)``, rising, and tails ``(N_ROOMS, n_taps)`` of energy 1, no direct sound."""
    rng = np.random.default_rng(0)
    times = np.linspace(*rt60_s, N_ROOMS)
    n_taps = math.ceil(AS_LONG * rt60_s[1] * sample_rate)
    seconds = np.arange(n_taps) / sample_rate
    noise = rng.standard_normal((N_ROOMS, n_taps))
    noise *= np.clip((seconds - NEAREST_S) / (EARLY_S - NEAREST_S), 0, 1)  # reflections grow denser
    early = rng.uniform(NEAREST_S, EARLY_S, (N_ROOMS, N_REFLECTIONS))
    tap = (early * sample_rate).astype(int).clip(1, n_taps - 1)
    # A tap stands for the reflections of EARLY_S / N_REFLECTIONS of time, which in the tail would be so many samples.
    size = math.sqrt(EARLY_S * sample_rate / N_REFLECTIONS)
    np.put_along_axis(noise, tap, size * rng.choice([-1.0, 1.0], tap.shape), axis=1)
    # 60 dB are a factor of 1000 in amplitude.
    tails = noise * np.exp(-math.log(1000) * seconds / times[:, None])
    # The low-pass (1 - a) / (1 - a z^-1), whose response dies away within a few samples.
    dull = (1 - ABSORPTION) * ABSORPTION ** np.arange(16, dtype=np.float32)
    rung = convolve(tails.astype(np.float32), np.tile(dull, (N_ROOMS, 1)))
    rung[seconds > AS_LONG * times[:, None]] = 0
    rung /= np.sqrt(np.square(rung).sum(axis=1, keepdims=True))
    return times, rung
