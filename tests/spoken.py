"""What is said in a quiet room, by one voice."""

from functools import cache

import numpy as np
import soxr

from speech.tts.espeak import Espeak
from speech.tts.voice import Voice

RATE = 16_000  # Hz


@cache
def say(text):
    """``(n_samples,)`` float32 at RATE."""
    waveform, rate = Espeak().speak(text, Voice("espeak", "en-US", "m3"), np.random.default_rng(0))
    spoken = soxr.resample(waveform.astype(np.float32), rate, RATE)
    return (spoken + 1e-4 * np.random.default_rng(1).standard_normal(len(spoken))).astype(np.float32)
