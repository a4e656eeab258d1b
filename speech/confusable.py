"""``python -m speech.confusable 'names=[Anna,Bob]'``: which names of a list will be mistaken, before training.

Each pair's phonetic distance, in the accent that says it nearest; beside it, where there is a recogniser, how likely
that takes the one for the other when synthetic voices say them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from speech.config import tree as configs
from speech.inference.confusion import confusion

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from speech.audio.files import Waveform
    from speech.tts.voice import Voice


def confusable(config: DictConfig) -> list[dict[str, object]]:
    """Print the nearest ``n_pairs`` pairs of ``names``, and return all of them, nearest first.

    Raises ValueError for a list of fewer than two names, or one that cannot be written.
    """
    from speech.common import runs
    from speech.model import loading
    from speech.text import confusable
    from speech.text.alphabet import Alphabet
    from speech.text.names import distinct, read_names

    names = distinct(read_names(config.names), Alphabet(config.alphabet))
    if len(names) < 2:
        raise ValueError(f"names={names}: one name has none to be confused with: give two or more")
    nearest = confusable.nearest(names)
    found: list[dict[str, object]] = [
        {"names": pair.names, "distance": pair.distance, "accent": pair.accent, "said": pair.said} for pair in nearest
    ]
    note = "no recogniser is there yet: by sound alone"
    path = None
    if config.recognizer != "latest" or any(Path(config.runs_dir).glob(f"**/{runs.RECOGNIZER_FILE}")):
        path = runs.find_recognizer(config.recognizer, config.runs_dir) if config.recognizer else None
    if path:
        voices, whose = _voices(path, config.n_voices, config.seed)
        recognizer = loading.load(path)
        mistaken = confusion(recognizer, names, _said(names, voices, recognizer.sample_rate, config.seed))
        index = {str(name): i for i, name in enumerate(names)}
        rows, columns = ([index[pair.names[k]] for pair in nearest] for k in (0, 1))
        either = ((mistaken[rows, columns] + mistaken[columns, rows]) / 2).tolist()
        for one, probability in zip(found, either, strict=True):
            one["mistaken"] = probability
        note = f"mistaken: the probability that {path} gives the other of the two, said by {len(voices)} voices {whose}"
    if config.json:
        for one in found[: config.n_pairs]:
            print(json.dumps(one, ensure_ascii=False))
        return found
    for pair in nearest:
        if pair.distance == 0:
            print(
                f"{pair.alike}: no recogniser can tell them apart by ear; leave one out, or take a longer name for one"
            )
    print(f"{'names':<26} {'distance':>8}  {'in the accent':<16} {'said':<28}{'mistaken' if path else ''}")
    for one, pair in list(zip(found, nearest, strict=True))[: config.n_pairs]:
        said = " / ".join(pair.said)
        by_ear = f"{one['mistaken']:8.3f}" if path else ""
        print(f"{', '.join(pair.names):<26} {pair.distance:8.3f}  {pair.accent:<16} {said:<28}{by_ear}".rstrip())
    print(f"{min(config.n_pairs, len(found))} of {len(found)} pairs; {note}")
    return found


def _voices(path: Path, n_voices: int, seed: int) -> tuple[list[Voice], str]:
    """Voices of espeak's that the run of ``path`` was tested with, or any where that cannot be had from it; and which.

    A run's recordings or engines may be gone, or on another machine: no reason not to ask its recogniser.
    """
    from hydra.errors import HydraException
    from hydra.utils import instantiate
    from omegaconf.errors import OmegaConfBaseException

    from speech.data.synthetic import Synthetic
    from speech.tts.espeak import Espeak

    voices, whose = Espeak().voices(), "of espeak, which it may have learnt from"
    splits: dict[str, list[Voice]] = {}
    try:
        trained = configs.saved(path.parent, "train")
        if "words" in trained.corpus:
            trained.corpus.words = []
        source = instantiate(trained.corpus)
        if isinstance(source, Synthetic):
            splits = source.split_voices()
    except (OSError, ValueError, ImportError, HydraException, OmegaConfBaseException):
        pass
    unheard = [voice for split, some in splits.items() if split.startswith("test") for voice in some]
    if any(voice.engine == "espeak" for voice in unheard):
        voices, whose = [voice for voice in unheard if voice.engine == "espeak"], "that it never heard"
    rng = np.random.default_rng(seed)
    return [voices[i] for i in rng.permutation(len(voices))[:n_voices]], whose


def _said(names: Sequence[str], voices: Sequence[Voice], sample_rate: int, seed: int) -> Iterator[tuple[int, Waveform]]:
    """Each of ``names`` said by each of ``voices`` (espeak's), end-pointed."""
    from speech.audio import endpointing, files
    from speech.text.names import Name
    from speech.tts.espeak import Espeak

    engine, rng = Espeak(), np.random.default_rng(seed)
    for voice in voices:
        for i, name in enumerate(names):
            way = name.say[rng.integers(len(name.say))] if isinstance(name, Name) and name.say else str(name)
            samples, rate = engine.speak(way, voice, rng)
            waveform = files.to_waveform(samples, rate, sample_rate, where=name)
            yield i, endpointing.trim_silence(waveform, sample_rate)[0]


def main() -> None:
    configs.run("confusable", confusable)


if __name__ == "__main__":
    main()
