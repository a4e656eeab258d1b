"""The accuracy of a model on the development names: how often a right pronunciation is among its eight."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from rapidfuzz.distance import Levenshtein

from speech.data.pronunciations import Entry
from speech.inference.g2p import ONE_NOTATION, G2PRuntime
from speech.text.phones import Phones

MOST_OF_A_VARIETY = 40  # the most names of a variety, so that no large language outweighs the others


def report(model: G2PRuntime, entries: Sequence[Entry]) -> dict[str, float]:
    """The proportions of names with a right reading among the eight, and as the first, equivalent notations merged;
    and the mean edit distance of the nearest reading, divided by the length of the longer of the two.
    """
    of_variety: defaultdict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        if len(of_variety[entry.variety]) < MOST_OF_A_VARIETY:
            of_variety[entry.variety].append(entry)
    chosen = [entry for some in of_variety.values() for entry in some]
    if not chosen:
        return {"n_names": 0}
    among, first, nearest = [], [], []
    for entry, found in zip(chosen, model.pronunciations_of([entry.text for entry in chosen]), strict=True):
        right = [_plain(reading) for reading in entry.readings]
        guesses = [_plain(one.phones) for one in found]
        each = [min(Levenshtein.normalized_distance(guess, one) for one in right) for guess in guesses]
        among.append(min(each) == 0)
        first.append(each[0] == 0)
        nearest.append(min(each))
    figures = {"among_eight": np.mean(among), "first": np.mean(first), "distance": np.mean(nearest)}
    return {"n_names": len(chosen)} | {key: float(value) for key, value in figures.items()}


def _plain(reading: Phones) -> tuple[str, ...]:
    return tuple(ONE_NOTATION.get(ONE_NOTATION.get(phone, phone), ONE_NOTATION.get(phone, phone)) for phone in reading)
