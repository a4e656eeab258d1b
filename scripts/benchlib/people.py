"""Recordings in closed lists, and the recogniser of one run on them: what the benchmarks with people share."""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from benchlib.figures import Hits
from speech.audio import endpointing, files
from speech.audio.files import Waveform
from speech.config.compose import saved
from speech.config.objects import instantiate
from speech.inference.runtime import Runtime
from speech.inference.scoring import Entry, LogProbs
from speech.inference.transcriber import Transcriber
from speech.model import onnx_graph
from speech.model.recognizer import Recognizer

RATE = 16_000  # Hz


@dataclass(frozen=True)
class Recording:
    """Of ``text``, folded, by ``speaker``. ``load`` gives its waveform ``(n_samples,)`` at RATE."""

    text: str
    speaker: str
    load: Callable[[], Waveform]


class People:
    """The recordings of ``data_dir``/human, by its manifest.csv (path, text, speaker); ends the program without it."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir.resolve() / "human"
        if not (self.folder / "manifest.csv").is_file():
            sys.exit(f"error: {data_dir}: no human/manifest.csv there: give the folder that holds it")
        with (self.folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
            self._rows = list(csv.DictReader(file))

    def recordings(self, folder: str, texts: Sequence[str]) -> list[Recording]:
        """Those of ``texts`` in a folder of human/, in the manifest's order."""
        return [
            Recording(row["text"], row["speaker"], partial(files.read, self.folder / row["path"], RATE))
            for row in self._rows
            if row["path"].startswith(f"{folder}/") and row["text"] in texts
        ]


def sample(recordings: Sequence[Recording], n: int, seed: int) -> list[Recording]:
    """At most ``n`` of ``recordings``, in their order."""
    chosen = np.random.default_rng(seed).permutation(len(recordings))[:n]
    return [recordings[i] for i in sorted(chosen)]


def log_probs(transcriber: Transcriber, waveform: Waveform) -> LogProbs | None:
    """Those of ``waveform`` once it is end-pointed; None where no speech is found."""
    try:
        trimmed, _ = endpointing.trim_silence(waveform, transcriber.sample_rate)
    except endpointing.NoSpeechError:
        return None
    return transcriber.log_probs(trimmed)


def first_name(transcriber: Transcriber, frames: LogProbs | None, lexicon: Mapping[str, Entry]) -> str:
    return transcriber.rank(frames, lexicon)[0][0] if frames else ""


@dataclass(frozen=True)
class Evaluated:
    """``recordings``, and the log-probabilities that ``recognizer`` gives each. No speech found counts as wrong."""

    recognizer: Recognizer
    recordings: Sequence[Recording]
    frames: Sequence[LogProbs | None]

    @property
    def speakers(self) -> list[str]:
        return [one.speaker for one in self.recordings]

    def of(self, texts: Sequence[str]) -> Evaluated:
        """The part in which one of ``texts`` is said."""
        pairs = [pair for pair in zip(self.recordings, self.frames, strict=True) if pair[0].text in texts]
        return Evaluated(self.recognizer, [one for one, _ in pairs], [frames for _, frames in pairs])

    def closed_set(self, names: Sequence[str]) -> Hits:
        """Whether the first of ``names``, ranked, is what was said."""
        lexicon = self.recognizer.lexicon(names)
        return self._equal([first_name(self.recognizer, frames, lexicon) for frames in self.frames])

    def exact(self) -> Hits:
        """Whether the decoded letters are what was said."""
        decode, alphabet = self.recognizer.decoder, self.recognizer.alphabet
        return self._equal([alphabet.decode(decode(frames.letters)) if frames else "" for frames in self.frames])

    def accepted(self, names: Sequence[str]) -> Hits:
        """Whether the rejection takes each for one of ``names``."""
        lexicon, rejection = self.recognizer.lexicon(names), self.recognizer.rejection
        assert rejection, "not calibrated"
        found = [self.recognizer.out_of_list_probability(frames, lexicon) if frames else None for frames in self.frames]
        return np.array([p is not None and rejection.accepts(p) for p in found])

    def _equal(self, hypotheses: Sequence[str]) -> Hits:
        return np.array([hyp == one.text for hyp, one in zip(hypotheses, self.recordings, strict=True)])


class TrainedRun:
    """A run's recogniser, what it was trained on, and the same recogniser exported."""

    def __init__(self, run_dir: Path, cache_dir: str | None = None) -> None:
        self.run_dir, self.cache_dir = run_dir, cache_dir
        self.recognizer = Recognizer.load(run_dir / "recognizer.pt")

    def evaluate(
        self, recordings: Sequence[Recording], change: Callable[[Waveform], Waveform] = lambda waveform: waveform
    ) -> Evaluated:
        """Each of ``recordings``, after ``change``, through end-pointing, front end and encoder."""
        frames = [log_probs(self.recognizer, change(one.load())) for one in recordings]
        return Evaluated(self.recognizer, recordings, frames)

    @cached_property
    def training_texts(self) -> set[str]:
        """Every text of its training, folded."""
        config = saved(self.run_dir, "train")
        config.cache_dir = self.cache_dir or config.cache_dir
        items, _ = instantiate(config.corpus).items(self.recognizer.alphabet)
        return {self.recognizer.alphabet.fold(item.text) for item in items if item.split == "train"}

    @cached_property
    def exported(self) -> Runtime:
        """The float32 file that ``speech.export`` would write."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "recognizer.onnx"
            onnx_graph.save(onnx_graph.to_onnx(self.recognizer, card=""), path)
            return Runtime(path)
