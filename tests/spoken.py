"""What is said in a quiet room, by one voice."""

from functools import cache

import numpy as np
import soxr

from speech.audio.files import Waveform
from speech.text import espeak
from speech.tts.espeak import Espeak
from speech.tts.voice import Voice

RATE = 16_000  # Hz


def speak(text: str, variant: str = "m3", accent: str = "en-US", draw: int = 0) -> tuple[Waveform, int]:
    """espeak's samples and their rate, the same whatever was said in this process before."""
    espeak.restart()
    return Espeak().speak(text, Voice("espeak", accent, variant), np.random.default_rng(draw))


@cache
def say(text):
    """``(n_samples,)`` float32 at RATE."""
    waveform, rate = speak(text)
    spoken = soxr.resample(waveform.astype(np.float32), rate, RATE)
    return (spoken + 1e-4 * np.random.default_rng(1).standard_normal(len(spoken))).astype(np.float32)
