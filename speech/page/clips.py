"""The run's test clips, evaluated again: their predictions and their sound."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from speech.audio.files import Waveform
from speech.data.build import Corpus
from speech.data.datamodule import UNREADABLE, DataSettings, SpeechData, check_clips
from speech.data.shards import SUMMARY, Shar
from speech.evaluation.lists import deal
from speech.evaluation.metrics import n_edits
from speech.evaluation.prediction import Prediction, predict_splits
from speech.page.run import Run

BATCH_SIZE = 64


@dataclass(frozen=True)
class TestClips:
    predictions: list[Prediction]
    waveforms: dict[str, Waveform]  # by the clip's id

    def misrecognised(self) -> list[Prediction]:
        """The predictions that differ from the reference, the worst first; the first of each name before any second."""
        worst = sorted(
            (one for one in self.predictions if one.ref != one.hyp),
            key=lambda one: (-n_edits(one.ref, one.hyp) / len(one.ref), one.id),
        )
        n_before: dict[str, int] = {}
        turn = []
        for one in worst:
            turn.append(n_before.get(one.ref, 0))
            n_before[one.ref] = turn[-1] + 1
        return [worst[i] for i in np.argsort(turn, kind="stable")]

    def first(self, n: int, featured: list[str]) -> list[Prediction]:
        """One clip of each of ``n`` names, those ``featured`` first."""
        by_name = {one.ref: one for one in reversed(self.predictions)}
        names = list(dict.fromkeys(one.ref for one in self.predictions))
        return [by_name[ref] for ref in sorted(names, key=lambda ref: ref not in featured)[:n]]

    def log_probabilities(self) -> tuple[list[str], np.ndarray, np.ndarray]:
        """The names of the first clip's list (in the alphabet, sorted); and for the clips that are ranked in that list,
        the log-probability of each name, ``(n_clips, n_names)``, and the index of each reference."""
        names = sorted(name for name, _ in self.predictions[0].names)
        ranked = [(one.ref, dict(one.names)) for one in self.predictions]
        ranked = [(ref, clip) for ref, clip in ranked if ref in clip and clip.keys() == set(names)]
        with np.errstate(divide="ignore"):
            table = np.log([[clip[name] for name in names] for _, clip in ranked])
        return names, table, np.array([names.index(ref) for ref, _ in ranked])


def evaluate_clips(run: Run) -> TestClips | str:
    """The clips of the corpus, or of the shards, that the run was trained with; or the reason why they are missing.

    If the shards were in several folders, the report names only one.
    """
    corpus = Corpus(run.corpus, [])
    of_shards = (run.corpus / SUMMARY).is_file()
    if not of_shards and not corpus.cuts_path.is_file():
        way_out = f"python -m speech.export run={run.folder} cache_dir={corpus.folder.parent} makes them again"
        warnings.warn(f"{corpus.folder}: not there: the page is without clips: {way_out}", stacklevel=1)
        return f"The corpus {corpus.folder.name} is no longer where it was."
    recognizer = run.recognizer
    try:
        if not of_shards:
            check_clips(corpus)
        own = (recognizer.alphabet, recognizer.sample_rate, recognizer.n_frames)
        settings = DataSettings(*own, BATCH_SIZE, names=recognizer.names)
        data = SpeechData(Shar(str(run.corpus)) if of_shards else corpus, settings)
        waveforms = {clip.id: clip.waveform for clip in data.test_clips}
    except UNREADABLE as error:  # its message would reveal the path on this machine
        reason = type(error).__name__
        warnings.warn(f"{error}: the page is without clips", stacklevel=1)
        return f"The corpus {corpus.folder.name} cannot be read ({reason}): it was half deleted, or half copied."
    found = run.report.evaluation.lists
    lists = [data.listed] if found.length == found.n_names else deal(data.listed)
    splits = predict_splits(recognizer, data, data.test_splits, lists)
    by_id = {one.id: one for some in splits.values() for one in some}
    return TestClips([by_id[id] for id in waveforms], waveforms)
