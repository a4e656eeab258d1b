"""Synthetic clips by voices that a run did not train with, to measure which names it confuses."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from speech.audio import endpointing, files
from speech.audio.files import Waveform
from speech.common.ranges import checked_count
from speech.config import compose
from speech.config.objects import UNAVAILABLE, instantiate
from speech.data.synthetic import Synthetic
from speech.text.names import Name
from speech.tts.espeak import Espeak
from speech.tts.mix import MOST_VOICES
from speech.tts.voice import Voice


def unseen_voices(recognizer: Path, n_voices: int, seed: int) -> tuple[list[Voice], str]:
    """``n_voices`` espeak voices, drawn from the test voices of the run of ``recognizer``, and where they are from.

    They are drawn from all espeak voices if the run has no such voices, or they cannot be determined: its engines or
    recordings may be gone, or on another machine. Raises ValueError for fewer than one.
    """
    checked_count("n_voices", n_voices, 1, MOST_VOICES)
    unseen: list[Voice] = []
    try:
        trained = compose.saved(recognizer.parent, "train")
        if "words" in trained.corpus:
            trained.corpus.words = []  # slow to read, and irrelevant to the voices
        source = instantiate(trained.corpus)
        if isinstance(source, Synthetic):
            tests = [voices for split, voices in source.split_voices().items() if split not in ("train", "val")]
            unseen = [voice for voices in tests for voice in voices if voice.engine == "espeak"]
    except UNAVAILABLE:
        pass
    voices = unseen or Espeak().voices()
    whose = "that it did not train with" if unseen else "of espeak, which it may have trained with"
    order = np.random.default_rng(seed).permutation(len(voices))
    return [voices[i] for i in order[:n_voices]], whose


def spoken(
    names: Sequence[str], voices: Sequence[Voice], sample_rate: int, seed: int
) -> Iterator[tuple[int, Waveform]]:
    """Each of ``names`` spoken by each of ``voices`` (espeak's): the name's index, and the end-pointed waveform."""
    engine, rng = Espeak(), np.random.default_rng(seed)
    with tqdm(total=len(names) * len(voices), unit=" clips", disable=None, leave=False) as progress:
        for voice, (i, name) in itertools.product(voices, enumerate(names)):
            say = name.say[rng.integers(len(name.say))] if isinstance(name, Name) and name.say else str(name)
            samples, rate = engine.speak(say, voice, rng)
            waveform = files.to_waveform(samples, rate, sample_rate, where=name)
            yield i, endpointing.trim_silence(waveform, sample_rate)[0]
            progress.update()
