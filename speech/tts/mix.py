"""Several engines as one: the voices of all of them, and how much of each is to be heard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from speech.audio.files import Waveform
from speech.tts.voice import Engine, Voice, VoiceError


def draw_voices(engine: Engine, voices: Sequence[Voice], n: int, rng: np.random.Generator) -> list[Voice]:
    """``n`` of ``voices`` (all, if there are fewer), none twice; of a mix, by the weights of their engines.

    Of an engine with few voices, that holds until they are used up.
    """
    n_of = Counter(voice.engine for voice in voices)
    weights = engine.weights if isinstance(engine, Mix) else dict.fromkeys(n_of, 1.0)
    chances = np.array([weights[voice.engine] / n_of[voice.engine] for voice in voices])
    chosen = rng.choice(len(voices), min(n, len(voices)), replace=False, p=chances / chances.sum())
    return [voices[i] for i in chosen]


class Mix:
    """``engines`` by name, each the engine of the voices that bear its name, and their ``weights``, of any sum.

    A corpus hears each engine as often as its weight says, however many voices it has.
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
