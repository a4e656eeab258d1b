"""Predictions for the test splits, made by all processes of a training, each for its share of the clips."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, zip_longest

from speech.evaluation.prediction import Prediction, predict_splits
from speech.model.recognizer import Recognizer
from speech.training.corpora import lists_to_rank
from speech.training.distributed import Process
from speech.training.others import Others
from speech.training.prepare import Prepared


def predict_together(prepared: Prepared, others: Others) -> dict[str, list[Prediction]]:
    """The current recogniser's predictions for the test splits, in the order in which a single process makes them."""
    recognizer = prepared.recognizer
    lists = lists_to_rank(prepared.data, recognizer.names)
    others.ask(_predict, recognizer, lists)
    shares = [_predict(prepared, others.process, recognizer, lists), *others.answers()]
    return {split: _in_turn([share[split] for share in shares]) for split in shares[0]}


def _predict(
    prepared: Prepared, process: Process, recognizer: Recognizer, lists: Sequence[Sequence[str]]
) -> dict[str, list[Prediction]]:
    data = prepared.data
    data.process = process.rank, process.n
    return predict_splits(recognizer, data, data.test_splits, lists)


def _in_turn(shares: Sequence[Sequence[Prediction]]) -> list[Prediction]:
    """The shares interleaved again: the first clip of each process, the second of each, ..."""
    return [one for one in chain.from_iterable(zip_longest(*shares)) if one is not None]
