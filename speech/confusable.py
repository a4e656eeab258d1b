"""``python -m speech.confusable 'names=[Anna,Bob]'``: which names of a list will be mistaken, before training.

Each pair's phonetic distance, in the accent that says it nearest; beside it, where there is a recogniser, how likely
that takes the one for the other when synthetic voices say them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from speech import config as configs

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from omegaconf import DictConfig

    from speech.transcriber import Transcriber
    from speech.voices.voice import Voice


def confusable(config: DictConfig) -> list[dict[str, object]]:
    """Print the nearest ``n_pairs`` pairs of ``names``, and return all of them, nearest first.

    Raises ValueError for a list of fewer than two names, or one that cannot be written.
    """
    from speech import pairs, runs
    from speech.alphabet import Alphabet, distinct, read_names

    names = distinct(read_names(config.names), Alphabet(config.alphabet))
    if len(names) < 2:
        raise ValueError(f"names={names}: one name has none to be confused with: give two or more")
    nearest = pairs.nearest(names)
    found: list[dict[str, object]] = [
        {"names": pair.names, "distance": pair.distance, "accent": pair.accent, "said": pair.said} for pair in nearest
    ]
    note = "no recogniser is there yet: by sound alone"
    path = None
    if config.recognizer != "latest" or any(Path(config.runs_dir).glob(f"**/{runs.FILE}")):
        path = runs.find_recognizer(config.recognizer, config.runs_dir) if config.recognizer else None
    if path:
        voices, whose = _voices(path, config.n_voices, config.seed)
        mistaken = confusion(runs.load(path), names, voices, config.seed)
        index = {str(name): i for i, name in enumerate(names)}
        rows, columns = ([index[pair.names[k]] for pair in nearest] for k in (0, 1))
        either = ((mistaken[rows, columns] + mistaken[columns, rows]) / 2).tolist()
        for one, probability in zip(found, either, strict=True):
            one["mistaken"] = probability
        note = f"mistaken: the probability that {path} gives the other of the two, said by {len(voices)} voices {whose}"
        if len(found) > 2:
            agree = rank_correlation([-pair.distance for pair in nearest], either)
            note += f"; rank correlation with the distance {agree:.2f}"
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


def confusion(recognizer: Transcriber, names: Sequence[str], voices: Sequence[Voice], seed: int) -> NDArray[np.float64]:
    """``[i, j]``: the mean probability of name j where name i is said and the choice is between the two.

    Each of ``names`` is said once by each of ``voices`` (espeak's). A pair that is not heard at all has 0.5.
    """
    from speech import audio, endpoint
    from speech.alphabet import Name
    from speech.voices.espeak import Espeak

    engine, rng = Espeak(), np.random.default_rng(seed)
    entries = list(recognizer.lexicon(names).values())
    total = np.zeros((len(names), len(names)))
    for voice in voices:
        for i, name in enumerate(names):
            way = name.say[rng.integers(len(name.say))] if isinstance(name, Name) and name.say else str(name)
            samples, rate = engine.speak(way, voice, rng)
            waveform = audio.to_waveform(samples, rate, recognizer.sample_rate, where=name)
            waveform, _ = endpoint.cut(waveform, recognizer.sample_rate)
            scores = recognizer.scores(recognizer.hear(waveform), entries)
            with np.errstate(invalid="ignore", over="ignore"):
                # p(j) / (p(i) + p(j)), of log-probabilities
                total[i] += np.nan_to_num(1 / (1 + np.exp(scores[i] - scores)), nan=0.5)
    return total / max(1, len(voices))


def _voices(path: Path, n_voices: int, seed: int) -> tuple[list[Voice], str]:
    """Voices of espeak's that the run of ``path`` was tested with, or any where that cannot be had from it; and which.

    A run's recordings or engines may be gone, or on another machine: no reason not to ask its recogniser.
    """
    from hydra.errors import HydraException
    from hydra.utils import instantiate
    from omegaconf.errors import OmegaConfBaseException

    from speech.corpus.synthetic import Synthetic
    from speech.voices.espeak import Espeak

    voices, whose = Espeak().voices(), "of espeak, which it may have learnt from"
    splits: dict[str, list[Voice]] = {}
    try:
        trained = configs.saved(path.parent, "train")
        trained.corpus.update(
            {key: value for key, value in (("words", []), ("near_misses", 0)) if key in trained.corpus}
        )
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


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's: Pearson's correlation of the ranks, equal values sharing the mean of theirs."""

    def ranks(values: Sequence[float]) -> NDArray[np.float64]:
        _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
        return np.asarray((counts.cumsum() - (counts - 1) / 2)[which])

    return float(np.corrcoef(ranks(one), ranks(other))[0, 1])


def main() -> None:
    configs.run("confusable", confusable)


if __name__ == "__main__":
    main()
