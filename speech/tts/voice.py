"""Voices, and the interface of a text-to-speech engine.

A new engine is a class with the members of ``Engine`` in a new file here, and a YAML in ``conf/voices/`` that names it.
Nothing else lists the engines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from speech.audio.files import Waveform
from speech.text.alphabet import plain_letters
from speech.text.names import is_ipa

FAINT = 0.01  # peak amplitude: for a text without sound, an engine's output has a lower one


@dataclass(frozen=True)
class Voice:
    """A synthetic speaker: ``accent`` is a BCP 47 tag, ``variant`` the engine's own name for the speaker.

    ``shift_seed`` 0 is the variant itself; any other number is the seed of a speaker derived from it, with shifted
    formants (espeak-ng) or a blended style (Kokoro).
    """

    engine: str
    accent: str
    variant: str
    shift_seed: int = 0

    @property
    def speaker(self) -> str:
        return f"{self.engine}:{self.accent}+{self.variant}{f'~{self.shift_seed}' if self.shift_seed else ''}"


class VoiceError(ValueError):
    """The engine is not installed, or cannot say this text in this voice."""


class Engine(Protocol):
    """A speech synthesiser. ``identity`` changes with anything that would change the sound of a call."""

    @property
    def identity(self) -> str: ...

    def voices(self) -> list[Voice]:
        """All usable voices, in a fixed order."""
        ...

    def speak(self, text: str, voice: Voice, rng: np.random.Generator) -> tuple[Waveform, int]:
        """The waveform ``(n_samples,)`` of ``text`` in ``voice``, and its rate in Hz. ``rng`` draws pace and pitch.

        ``text`` is letters, or IPA between slashes, ``/ʃɪˈvɔːn/``. Raises VoiceError if the voice cannot say it.
        """
        ...


def require_voice(voice: Voice, voices: Sequence[Voice]) -> None:
    """Raises VoiceError unless ``voice`` is one of an engine's ``voices``."""
    if voice not in voices:
        raise VoiceError(f"there is no voice {voice.speaker}: choose from {', '.join(one.speaker for one in voices)}")


def require_letters(text: str, voice: Voice) -> str:
    """``text`` for an engine that reads only plain letters. Raises VoiceError for IPA, which it would spell out."""
    if is_ipa(text):
        raise VoiceError(f"{voice.speaker} cannot read IPA, {text}: give a respelling, or choose espeak or Kokoro")
    return text if text.isascii() else plain_letters(text)


def require_sound(samples: Waveform, voice: Voice, text: str) -> Waveform:
    """``samples`` unchanged. Raises VoiceError if they are silent, or nearly so."""
    if np.abs(samples).max(initial=0.0) < FAINT:
        raise VoiceError(f"{voice.speaker} gives no sound for {text!r}: give another spelling")
    return samples
