"""SVOX Pico, a small HMM synthesiser, from the package ``py-nanotts``: one woman's voice, British and American English.

The package's wheel contains the engine and its voices (Apache-2.0). 16 000 Hz.
"""

from __future__ import annotations

from importlib import metadata
from typing import Any

import numpy as np

from speech.audio.files import Waveform
from speech.common.extras import require
from speech.common.ranges import checked_range
from speech.tts.voice import Voice, require_letters, require_sound, require_voice

SAMPLE_RATE = 16_000  # Hz, Pico's own


def _package() -> Any:
    return require("py_nanotts", "voices", "py-nanotts")


class Pico:
    """Pico's two English voices. Each clip draws from the ranges ``speed`` and ``pitch``, times the voice's own.

    The package silently clips values outside of their bounds. The same draw gives the same samples except for the last
    bits, which depend on earlier calls.
    """

    def __init__(self, speed: tuple[float, float] = (0.8, 1.25), pitch: tuple[float, float] = (0.85, 1.2)) -> None:
        self.speed = checked_range("voices.speed", speed, 0.2, 5)
        self.pitch = checked_range("voices.pitch", pitch, 0.5, 2)

    @property
    def identity(self) -> str:
        _package()
        return f"pico {metadata.version('py-nanotts')} speed={self.speed} pitch={self.pitch}"

    def voices(self) -> list[Voice]:
        return [Voice("pico", accent, "") for accent in ("en-GB", "en-US")]

    def speak(self, text: str, voice: Voice, rng: np.random.Generator) -> tuple[Waveform, int]:
        package = _package()
        require_voice(voice, self.voices())
        speed, pitch = rng.uniform(*self.speed), rng.uniform(*self.pitch)
        spoken = package.NanoTTS().speak(require_letters(text, voice), voice=voice.accent, speed=speed, pitch=pitch)
        samples = (np.frombuffer(spoken, "<i2") / 32768).astype(np.float32)
        return require_sound(samples, voice, text), SAMPLE_RATE
