"""What a voice is, and what every text-to-speech engine offers.

To add an engine: a class with these members in a file of its own here, and a YAML that names it in
``conf/voices/``. Nothing else knows which engines exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from speech.audio.files import Waveform
from speech.text.names import is_ipa

FAINT = 0.01  # peak amplitude: what engines make of a text without a sound in it stays below


@dataclass(frozen=True)
class Voice:
    """A synthetic speaker: ``accent`` is a BCP 47 tag, ``variant`` the engine's own name for the speaker.

    ``shift_seed`` 0 is the variant as the engine has it; any other number seeds a speaker derived from it: with shifted
    formants (espeak-ng), or with a blended style (Kokoro).
    """

    engine: str
    accent: str
    variant: str
    shift_seed: int = 0

    @property
    def speaker(self) -> str:
        return f"{self.engine}:{self.accent}+{self.variant}{f'~{self.shift_seed}' if self.shift_seed else ''}"


class Engine(Protocol):
    """A speech synthesiser. ``identity`` changes whenever the same call would give another sound."""

    @property
    def identity(self) -> str: ...

    def voices(self) -> list[Voice]:
        """All usable voices, in a fixed order."""
        ...

    def speak(self, text: str, voice: Voice, rng: np.random.Generator) -> tuple[Waveform, int]:
        """``text`` said by ``voice`` in a manner drawn from ``rng``: waveform ``(n_samples,)`` and its rate in Hz.

        ``text`` is letters, or IPA between slashes, ``/ʃɪˈvɔːn/``. Raises VoiceError where the engine cannot say it.
        """
        ...


def require_sound(samples: Waveform, voice: Voice, text: str) -> Waveform:
    """``samples`` as they are. Raises VoiceError where ``voice`` said nothing, or hardly more than noise."""
    if np.abs(samples).max(initial=0.0) < FAINT:
        raise VoiceError(f"{voice.speaker} says nothing for {text!r}: give another spelling")
    return samples


class VoiceError(ValueError):
    """The engine is not there, or cannot say this text with this voice."""


def require_letters(text: str, voice: Voice) -> str:
    """``text`` for an engine that reads letters alone. Raises VoiceError for IPA, which it would read out as signs."""
    if is_ipa(text):
        raise VoiceError(f"{voice.speaker} reads no IPA, {text}: give a respelling, or choose espeak or Kokoro")
    return text
