"""Recordings of people, and a recogniser's results on them in closed lists, for several benchmarks."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from benchlib.figures import Hits
from speech.audio import endpointing, files
from speech.audio.files import Waveform
from speech.inference.scoring import Entry, LogProbs
from speech.inference.transcriber import Transcriber

RATE = 16_000  # Hz
SCRIPTS = Path(__file__).parents[1]


def read_lists() -> Any:
    """The lists, and the rules by which they were made: benchmark_people.yaml."""
    return OmegaConf.load(SCRIPTS / "benchmark_people.yaml")


def calibration_speakers() -> set[str]:
    """The speakers that may be used for calibration and for choosing a recipe, and are in no test."""
    return set((SCRIPTS / "calibration_speakers.txt").read_text(encoding="utf-8").split())


def read_manifest(folder: Path) -> list[dict[str, str]]:
    """The rows of ``folder``'s manifest.csv; ends the program if there is none."""
    if not (folder / "manifest.csv").is_file():
        sys.exit(f"error: {folder.parent}: no {folder.name}/manifest.csv there: give the folder that holds it")
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@dataclass(frozen=True)
class Recording:
    """A recording of ``text`` (folded) by ``speaker``. ``load`` gives its waveform ``(n_samples,)`` at RATE."""

    text: str
    speaker: str
    load: Callable[[], Waveform]


class People:
    """The recordings of ``data_dir``/human, by its manifest.csv (path, text, speaker)."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir.resolve() / "human"
        self._rows = read_manifest(self.folder)

    def recordings(self, folder: str, texts: Sequence[str]) -> list[Recording]:
        """The recordings of ``texts`` in a folder of human/, in the manifest's order."""
        return [
            Recording(row["text"], row["speaker"], partial(files.read, self.folder / row["path"], RATE))
            for row in self._rows
            if row["path"].startswith(f"{folder}/") and row["text"] in texts
        ]


def sample(recordings: Sequence[Recording], n: int, seed: int) -> list[Recording]:
    """A random sample of at most ``n`` of ``recordings``, in their order."""
    chosen = np.random.default_rng(seed).permutation(len(recordings))[:n]
    return [recordings[i] for i in sorted(chosen)]


def log_probs(transcriber: Transcriber, waveform: Waveform) -> LogProbs | None:
    """The log-probabilities of ``waveform`` after end-pointing; None if no speech is found."""
    try:
        trimmed, _ = endpointing.trim_silence(waveform, transcriber.sample_rate)
    except endpointing.NoSpeechError:
        return None
    return transcriber.log_probs(trimmed)


def first_name(transcriber: Transcriber, frames: LogProbs | None, lexicon: Mapping[str, Entry]) -> str:
    return transcriber.rank(frames, lexicon)[0][0] if frames else ""


@dataclass(frozen=True)
class Evaluated:
    """``recordings``, and the log-probabilities that ``recognizer`` gives each; without speech it counts as wrong."""

    recognizer: Transcriber
    recordings: Sequence[Recording]
    frames: Sequence[LogProbs | None]

    @property
    def speakers(self) -> list[str]:
        return [one.speaker for one in self.recordings]

    def at(self, chosen: Iterable[int]) -> Evaluated:
        """The results of the recordings ``chosen``, given by index."""
        places = list(chosen)
        return Evaluated(self.recognizer, [self.recordings[i] for i in places], [self.frames[i] for i in places])

    def of(self, texts: Sequence[str]) -> Evaluated:
        """The results of the recordings of ``texts``."""
        return self.at(i for i, one in enumerate(self.recordings) if one.text in texts)

    def closed_set(self, names: Sequence[str]) -> Hits:
        """Whether the top-ranked of ``names`` is the reference, for each recording."""
        lexicon = self.recognizer.lexicon(names)
        first = [first_name(self.recognizer, frames, lexicon) for frames in self.frames]
        return np.array([name == one.text for name, one in zip(first, self.recordings, strict=True)])


def evaluate(
    recognizer: Transcriber,
    recordings: Sequence[Recording],
    change: Callable[[Waveform], Waveform] = lambda waveform: waveform,
) -> Evaluated:
    """Apply ``change``, end-pointing and ``recognizer``'s network to each of ``recordings``."""
    return Evaluated(recognizer, recordings, [log_probs(recognizer, change(one.load())) for one in recordings])
