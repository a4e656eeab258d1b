"""A slow engine's sounds, kept on disk: whatever was said once is read the next time, by any run and any corpus."""

from __future__ import annotations

import hashlib
import os
from functools import cached_property
from pathlib import Path

import numpy as np
import soundfile

from speech.audio.files import Waveform
from speech.tts.voice import Engine, Voice


class CachedEngine:
    """``engine``, whose sounds lie in ``folder`` as 16-bit FLAC, each under a key of all that shapes it.

    A sound is drawn from one number of ``rng``, so that the key can hold that number.
    """

    def __init__(self, engine: Engine, folder: str | Path) -> None:
        self.engine, self.folder = engine, Path(folder).expanduser().resolve()

    @cached_property
    def identity(self) -> str:  # some engines read their whole model for it
        return self.engine.identity

    def voices(self) -> list[Voice]:
        return self.engine.voices()

    def speak(self, text: str, voice: Voice, rng: np.random.Generator) -> tuple[Waveform, int]:
        seed = int(rng.integers(2**63))
        key = hashlib.sha256(f"{self.identity}\n{text}\n{voice.speaker}\n{seed}".encode()).hexdigest()[:32]
        path = self.folder / voice.engine / key[:2] / f"{key}.flac"
        if path.exists():
            return soundfile.read(path, dtype="float32")
        samples, rate = self.engine.speak(text, voice, np.random.default_rng(seed))
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        soundfile.write(part, samples, rate, format="FLAC", subtype="PCM_16")
        part.replace(path)  # whole or not at all: processes share the folder
        return soundfile.read(path, dtype="float32")
