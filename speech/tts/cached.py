"""A cache on disk for the sounds of a slow engine, shared by all runs and corpora."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path

import numpy as np
import soundfile

from speech.audio import files
from speech.audio.files import Waveform
from speech.tts.voice import Engine, Voice


class CachedEngine:
    """``engine``, with its sounds stored in ``folder`` as 16-bit FLAC, each under a key of everything that affects it.

    A sound depends on only one number from ``rng``, which is part of the key.
    """

    def __init__(self, engine: Engine, folder: str | Path) -> None:
        self.engine, self.folder = engine, Path(folder).expanduser().resolve()

    @cached_property
    def identity(self) -> str:  # some engines read their whole model to compute it
        return self.engine.identity

    def voices(self) -> list[Voice]:
        return self.engine.voices()

    def speak(self, text: str, voice: Voice, rng: np.random.Generator) -> tuple[Waveform, int]:
        seed = int(rng.integers(2**63))
        key = hashlib.sha256(f"{self.identity}\n{text}\n{voice.speaker}\n{seed}".encode()).hexdigest()[:32]
        path = self.folder / voice.engine / key[:2] / f"{key}.flac"
        if not path.exists():
            samples, rate = self.engine.speak(text, voice, np.random.default_rng(seed))
            path.parent.mkdir(parents=True, exist_ok=True)
            files.write(path, samples, rate)
        return soundfile.read(path, dtype="float32")
