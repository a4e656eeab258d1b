"""Several engines as one, and drawing voices from an engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from speech.audio.files import Waveform
from speech.common.ranges import checked_count
from speech.tts.voice import Engine, Voice, VoiceError

MOST_VOICES = 10_000  # that may be asked for; espeak has about four hundred


class Mix:
    """``engines``, by the ``engine`` of their voices, and their ``weights``, with any sum.

    The weights are the proportions of the engines in a corpus, however many voices each has.
    """

    def __init__(self, engines: Mapping[str, Engine], weights: Mapping[str, float]) -> None:
        if set(engines) != set(weights) or min(weights.values()) <= 0:
            raise ValueError(f"voices.weights={dict(weights)}: give each of {', '.join(engines)} one above 0")
        self.engines = dict(engines)
        self.weights = {name: weight / sum(weights.values()) for name, weight in weights.items()}

    @property
    def identity(self) -> str:
        return "; ".join(engine.identity for engine in self.engines.values())

    def voices(self) -> list[Voice]:
        return [voice for engine in self.engines.values() for voice in engine.voices()]

    def speak(self, text: str, voice: Voice, rng: np.random.Generator) -> tuple[Waveform, int]:
        if voice.engine not in self.engines:
            raise VoiceError(f"{voice.speaker}: there is no engine {voice.engine}, only {', '.join(self.engines)}")
        return self.engines[voice.engine].speak(text, voice, rng)


def draw_voices(engine: Engine, n: int, rng: np.random.Generator, accent: str | None = None) -> list[Voice]:
    """Draw ``n`` voices of ``engine`` without replacement (all, if there are fewer), of one ``accent`` or of any.

    In a mix, an engine is chosen with its weight until its voices are used up. Raises ValueError for an accent without
    a voice, and for an ``n`` below 1.
    """
    checked_count("n_voices", n, 1, MOST_VOICES)
    voices = [voice for voice in engine.voices() if accent in (None, voice.accent)]
    if not voices:
        accents = ", ".join(sorted({voice.accent for voice in engine.voices()}))
        raise ValueError(f"accent={accent}: no voice has it; choose from {accents}")
    counts = Counter(voice.engine for voice in voices)
    weights = engine.weights if isinstance(engine, Mix) else dict.fromkeys(counts, 1.0)
    chances = np.array([weights[voice.engine] / counts[voice.engine] for voice in voices])
    chosen = rng.choice(len(voices), min(n, len(voices)), replace=False, p=chances / chances.sum())
    return [voices[i] for i in chosen]
