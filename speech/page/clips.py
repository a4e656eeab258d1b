"""The run's test clips, heard anew: which are misheard, and what each name is taken for."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from speech.audio.files import Waveform
from speech.data.build import Corpus
from speech.data.datamodule import SpeechData
from speech.evaluation import report
from speech.evaluation.metrics import Prediction, n_edits
from speech.page.run import Run

BATCH_SIZE = 64
UNREADABLE = (EOFError, OSError, RuntimeError, ValueError, zlib.error)  # of lists cut short and sounds gone


class TestClips(NamedTuple):
    """Each clip as it was heard, and its waveform."""

    heard: list[Prediction]
    waveforms: dict[str, Waveform]  # by the clip's id

    def misheard(self) -> list[Prediction]:
        """Those that are not letter-perfect, the worst first; of each name one before another's second."""
        worst = sorted(
            (one for one in self.heard if one.text != one.letters),
            key=lambda one: (-n_edits(one.text, one.letters) / len(one.text), one.id),
        )
        seen: dict[str, int] = {}
        turn = []
        for one in worst:
            turn.append(seen.get(one.text, 0))
            seen[one.text] = turn[-1] + 1
        return [worst[i] for i in np.argsort(turn, kind="stable")]

    def first(self, n: int) -> list[Prediction]:
        """One clip of each of the first ``n`` names."""
        by_name = {one.text: one for one in reversed(self.heard)}
        names = list(dict.fromkeys(one.text for one in self.heard))
        return [by_name[text] for text in sorted(names, key=lambda text: text not in report.SHOWN_FIRST)[:n]]

    def log_probabilities(self, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Of each of ``names`` (folded) within the list, ``(n_clips, n_names)``, and which was said."""
        ranked = [dict(one.names) for one in self.heard]
        table = np.array([[clip.get(name, 0.0) for name in names] for clip in ranked])
        with np.errstate(divide="ignore"):
            return np.log(table), np.array([names.index(one.text) for one in self.heard])


def evaluate_clips(run: Run) -> TestClips | str:
    """The clips of the corpus that the run was trained with, or in words why they are not there."""
    folder = run.report.get("corpus")
    if not folder:
        return "This run does not say where its corpus lies: it is of an older version."
    corpus = Corpus(Path(folder), [])
    if not corpus.cuts_path.is_file():
        return f"The corpus {corpus.folder.name} is no longer where it was."
    recognizer = run.recognizer
    try:
        own = (recognizer.alphabet, recognizer.sample_rate, recognizer.n_frames)
        data = SpeechData(corpus, *own, BATCH_SIZE, names=recognizer.names)
        waveforms = {clip.id: clip.waveform for clip in data.test_clips}
    except UNREADABLE as error:  # it would tell where on this machine
        reason = type(error).__name__
        return f"The corpus {corpus.folder.name} cannot be read ({reason}): it was half deleted, or half copied."
    splits = report.predict_splits(recognizer, data, data.test_splits, data.listed)
    heard = [one for some in splits.values() for one in some]
    order = {id: i for i, id in enumerate(waveforms)}
    return TestClips(sorted(heard, key=lambda one: order[one.id]), waveforms)
