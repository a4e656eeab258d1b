"""The task of ``speech.evaluate``: a recogniser, the splits of a corpus, and the list of names."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from speech import pretrained
from speech.common import runs
from speech.config import compose
from speech.config.objects import instantiate
from speech.config.tree import Config
from speech.data.datamodule import SpeechData
from speech.data.shards import Shar
from speech.evaluation.prediction import Prediction, predict_splits
from speech.model import loading
from speech.model.recognizer import Recognizer
from speech.text.names import read_names
from speech.training.corpora import lists_to_rank, make_data

TRAINING = ("train", "val")  # the splits that determined the weights: every other split is a test split


class Task(NamedTuple):
    data: SpeechData
    splits: list[str]
    lists: list[list[str]]  # the lists in which clips are ranked
    undivided: bool  # whether the corpus given for evaluation has only the split train, which trained nothing here

    def predict(self, recognizer: Recognizer, data: SpeechData) -> dict[str, list[Prediction]]:
        """``recognizer``'s predictions, by split, for ``data``: this task's clips."""
        found = predict_splits(recognizer, data, self.splits, self.lists)
        return {"all": found["train"]} if self.undivided else found


def load(config: Config, key: str) -> tuple[Path, Recognizer]:
    """The file that ``config[key]`` names, and its recogniser. Raises ValueError for an exported recogniser."""
    path = runs.find_recognizer(config[key], config.runs_dir, key, pretrained.RECOGNIZER)
    recognizer = loading.load(path, config.get("decoder"))
    if not isinstance(recognizer, Recognizer):
        raise ValueError(f"{key}={path}: evaluate runs in batches, with torch: give the run it was exported from")
    return path, recognizer


def task(config: Config, path: Path, recognizer: Recognizer) -> Task:
    """The clips and lists for evaluating ``recognizer`` from ``path``; without a corpus, those of its own corpus.

    Raises ValueError for a split that the corpus lacks, before any clip is made.
    """
    given: list[str] | None = None if config.names is None else [*read_names(config.names, recognizer.alphabet)]
    own = config.get("corpus") is None
    compose.as_trained(config, path, ["corpus"])
    source = instantiate(config.corpus)
    if isinstance(source, Shar):
        there = source.splits
    else:
        there = list(dict.fromkeys(item.split for item in source.items(recognizer.alphabet)[0]))
    test = [split for split in there if split not in TRAINING] or ["val"]
    splits = {"all": there, "test": test}.get(config.split, [config.split])
    if not set(splits) <= set(there):
        raise ValueError(f"split={config.split}: the corpus has {', '.join(there)}; or give split=test or split=all")
    data = make_data(config, recognizer)
    lists = lists_to_rank(data, recognizer.names if own else []) if given is None else [given]
    return Task(data, splits, lists, undivided=not own and there == ["train"] and config.split == "all")


def data_for(config: Config, recognizer: Recognizer, data: SpeechData) -> SpeechData:
    """The clips for a second recogniser: ``data`` itself, unless its alphabet or sample rate differs."""
    same = (recognizer.alphabet, recognizer.sample_rate) == (data.settings.alphabet, data.settings.sample_rate)
    return data if same else make_data(config, recognizer)
