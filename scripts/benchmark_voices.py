"""Can the voices be understood? ``python scripts/benchmark_voices.py [voices=natural ...]``, one JSON object a line.

PocketSphinx, whose acoustic models learnt from people, hears each engine's voices say common words, end-pointed as a
corpus has them, and chooses among ``N_WORDS`` words. An engine of whose clips it knows far fewer than of another's
(people's single words: three in four; good synthesisers': nine in ten and more) says them unclearly, or loses a part.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from benchmark import show
from grammar import Sphinx
from hydra.utils import instantiate

from speech.audio import endpointing, files
from speech.audio.files import Waveform
from speech.config import tree as configs
from speech.evaluation.intervals import share
from speech.text.lexicon import common_words
from speech.tts.voice import Engine, Voice

N_LISTS, N_WORDS = 8, 20
COMMON = slice(200, 4000)  # by how common they are: after the words that carry no meaning of their own
LETTERS = range(3, 10)
PADDING_S, FLOOR = 0.2, 1e-4  # around the clip, for PocketSphinx' own idea of silence


def lists(rng: np.random.Generator) -> Iterator[tuple[Sphinx, list[str]]]:
    words = [word for word in common_words()[COMMON] if len(word) in LETTERS]
    for _ in range(N_LISTS):
        sphinx = Sphinx([words[i] for i in rng.permutation(len(words))[:N_WORDS]])
        yield sphinx, sphinx.names


def said(engine: Engine, voice: Voice, word: str, rng: np.random.Generator) -> Waveform:
    """A clip as training has it: a relative of ``voice``, end-pointed."""
    voice = replace(voice, relative=int(rng.integers(1, 1 << 31)))
    samples, rate = engine.speak(word, voice, np.random.default_rng(int(rng.integers(1 << 31))))
    cut, _ = endpointing.cut(files.to_waveform(samples, rate, 16_000, where=word), 16_000)
    padded = np.pad(cut, round(PADDING_S * 16_000))
    return padded + (FLOOR * rng.normal(size=len(padded))).astype(np.float32)


def main() -> None:
    config = configs.compose("train", sys.argv[1:])
    engine: Engine = instantiate(config.voices)
    voices = engine.voices()
    for name in dict.fromkeys(voice.engine for voice in voices):
        own = [voice for voice in voices if voice.engine == name]
        rng = np.random.default_rng(config.seed)
        hits, speakers = [], []
        for sphinx, words in lists(rng):
            for word in words:
                voice = own[rng.integers(len(own))]
                hits.append(sphinx.hear(said(engine, voice, word, rng)) == word)
                speakers.append(voice.speaker)
        than = f"{N_LISTS} lists of {N_WORDS} words, {len(hits)} clips, {len(set(speakers))} voices"
        show(f"understood ({name}, by pocketsphinx)", float(np.mean(hits)), "", than, interval=share(hits, speakers))


if __name__ == "__main__":
    configs.explained(main)
