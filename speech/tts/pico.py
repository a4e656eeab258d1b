"""SVOX Pico, a small HMM synthesiser, by the package ``py-nanotts``: one woman's voice in British and American English.

The engine and its voices (Apache-2.0) come inside the package's wheel. 16 000 Hz.
"""

from __future__ import annotations

from importlib import metadata
from typing import Any

import numpy as np

from speech.audio.files import Waveform
from speech.common.extras import require
from speech.tts.voice import Voice, VoiceError, require_letters, require_sound

SAMPLE_RATE = 16_000  # Hz, Pico's own
BOUNDS = {"speed": (0.2, 5.0), "pitch": (0.5, 2.0)}  # what the package cuts values to in silence


def _package() -> Any:
    return require("py_nanotts", "voices", "py-nanotts")


class Pico:
    """Pico's two English voices. Each clip draws from the ranges ``speed`` and ``pitch``, times the voice's own.

    The same draw gives the same samples but for the last bits, which depend on what was said before.
    """

    def __init__(self, speed: tuple[float, float] = (0.8, 1.25), pitch: tuple[float, float] = (0.85, 1.2)) -> None:
        for name, (low, high) in (("speed", speed), ("pitch", pitch)):
            bounds = BOUNDS[name]
            if not bounds[0] <= low <= high <= bounds[1]:
                raise ValueError(f"voices.{name}=[{low}, {high}] must rise within {bounds[0]} to {bounds[1]}")
        self.speed, self.pitch = (speed[0], speed[1]), (pitch[0], pitch[1])

    @property
    def identity(self) -> str:
        _package()
        return f"pico {metadata.version('py-nanotts')} speed={self.speed} pitch={self.pitch}"

    def voices(self) -> list[Voice]:
        return [Voice("pico", accent, "") for accent in ("en-GB", "en-US")]

    def speak(self, text: str, voice: Voice, rng: np.random.Generator) -> tuple[Waveform, int]:
        package = _package()
        if voice not in self.voices():
            raise VoiceError(f"Pico has no voice {voice.speaker}: {', '.join(one.speaker for one in self.voices())}")
        speed, pitch = rng.uniform(*self.speed), rng.uniform(*self.pitch)
        said = package.NanoTTS().speak(require_letters(text, voice), voice=voice.accent, speed=speed, pitch=pitch)
        samples = (np.frombuffer(said, "<i2") / 32768).astype(np.float32)
        return require_sound(samples, voice, text), SAMPLE_RATE
