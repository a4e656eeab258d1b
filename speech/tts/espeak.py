"""espeak-ng, a formant synthesiser: every English accent times its variants, and formant-shifted variants of those."""

from __future__ import annotations

import numpy as np

from speech.audio.files import Waveform
from speech.common.ranges import checked_range
from speech.text.espeak import ACCENTS, EspeakError, Library, with_glottal_stops
from speech.tts.voice import Voice, VoiceError, require_sound

# Robots, whispers, croaks.
UNINTELLIGIBLE = {"zac", "shelby", "ian", "kaukovalta", "boris", "Lee", "Tweaky", "travis", "whisper", "whisperf"}
UNINTELLIGIBLE |= {"croak", "Demonic", "UniRobot", "anikaRobot", "robosoft"} | {f"robosoft{n}" for n in range(2, 9)}

_SHIFTED = "shifted"  # the file of the formant-shifted variant in use
_RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER


class Espeak:
    """Every English accent of espeak-ng times its intelligible variants, and formant-shifted variants of those.

    ``rate`` in words per minute, ``pitch`` and ``pitch_range`` in espeak's 0 to 99 are ranges; each clip draws from
    them. The formants of a shifted variant are those of its variant times exp(shift); the shifts are normally
    distributed, and their standard deviation is drawn from the range ``formant_shift``.

    The same draw gives the same sounds at the same times. The samples are identical only after the same calls since
    ``text.espeak.restart``: in the C library the phase of the voice continues from one call to the next.
    """

    def __init__(
        self,
        rate: tuple[int, int] = (120, 220),
        pitch: tuple[int, int] = (25, 75),
        pitch_range: tuple[int, int] = (20, 80),
        formant_shift: tuple[float, float] = (0.0, 0.2),
    ) -> None:
        self.rate = checked_range("voices.rate", rate, 80, 450)
        self.pitch = checked_range("voices.pitch", pitch, 0, 99)
        self.pitch_range = checked_range("voices.pitch_range", pitch_range, 0, 99)
        self.formant_shift = checked_range("voices.formant_shift", formant_shift, 0, 1)

    @property
    def identity(self) -> str:
        version = Library.get().version
        return f"espeak-ng {version} rate={self.rate} pitch={self.pitch} range={self.pitch_range} {self.formant_shift}"

    def voices(self) -> list[Voice]:
        variants = sorted({file.name for file in Library.get().variants.iterdir()} - UNINTELLIGIBLE - {_SHIFTED})
        return [Voice("espeak", tag, variant) for tag in ACCENTS.values() for variant in variants]

    def speak(self, text: str, voice: Voice, rng: np.random.Generator) -> tuple[Waveform, int]:
        with Library.lock:
            library = Library.get()
            spoken = with_glottal_stops(text, voice.accent)
            variant = self._write_shifted_variant(library, voice) if voice.shift_seed else voice.variant
            try:
                library.set_voice(voice.accent, variant, changed=variant == _SHIFTED)
            except EspeakError as error:
                raise VoiceError(str(error)) from error
            ranges = {_RATE: self.rate, _PITCH: self.pitch, _RANGE: self.pitch_range}
            parameters = {of: int(rng.integers(int(low), int(high) + 1)) for of, (low, high) in ranges.items()}
            samples = (library.synthesize(spoken, parameters) / 32768).astype(np.float32)
            return require_sound(samples, voice, text), library.sample_rate

    def _write_shifted_variant(self, library: Library, voice: Voice) -> str:
        """Write the formant-shifted variant of ``voice`` as a file of espeak-ng (its docs/voices.md); returns its name.

        Each formant has a frequency, a height and a width, in percent of the accent's own. With probability one half, a
        variant has an echo like that of a small room.
        """
        rng = np.random.default_rng(voice.shift_seed)
        formants = {n: [100.0, 100.0, 100.0] for n in range(6)}
        lines = []
        for line in (library.variants / voice.variant).read_text(errors="replace").splitlines():
            word, *rest = line.split() or [""]
            if word == "formant" and int(rest[0]) in formants:
                given = [float(number) for number in rest[1:4]]
                formants[int(rest[0])] = given + formants[int(rest[0])][len(given) :]
            elif word not in ("echo", "name"):
                lines.append(line)
        spread = rng.uniform(*self.formant_shift)
        length = rng.normal(0, spread / 2)  # of all formants together: the length of the vocal tract
        for n, (frequency, height, width) in formants.items():
            frequency *= np.exp(length + rng.normal(0, spread))
            height *= np.exp(rng.normal(0, 2 * spread))
            width *= np.exp(rng.normal(0, 2 * spread))
            lines.append(f"formant {n} {frequency:.0f} {height:.0f} {width:.0f}")
        if rng.random() < 0.5:
            lines.append(f"echo {rng.integers(10, 130)} {rng.integers(0, 100)}")
        (library.variants / _SHIFTED).write_text("\n".join([*lines, ""]))
        return _SHIFTED
