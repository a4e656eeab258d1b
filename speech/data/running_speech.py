"""Running speech, cut into words and phrases as long as names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np

N_WORDS = (0.6, 0.25, 0.15)  # probabilities of a run of one, two and three words
LENGTH_S = (0.25, 2.2)  # of a run
LEAST_LETTERS = 4  # of a word that is cut out alone: the, of, and are hardly articulated
MARGIN_S = 0.02  # kept before and after a run; the end-pointer trims silence


class Word(NamedTuple):
    text: str
    start: float  # samples
    stop: float


def runs(
    words: Sequence[Word], sample_rate: int, rng: np.random.Generator, left_out: Collection[str] = ()
) -> Iterator[list[Word]]:
    """``words``, cut into random runs, without runs unfit as training clips or with a word of ``left_out``."""
    at = 0
    while at < len(words):
        run = list(words[at : at + 1 + int(rng.choice(len(N_WORDS), p=N_WORDS))])
        at += len(run)
        length_s = (run[-1].stop - run[0].start) / sample_rate
        alone = len(run) == 1 and len(run[0].text) < LEAST_LETTERS
        if not alone and LENGTH_S[0] <= length_s <= LENGTH_S[1] and not {word.text for word in run} & set(left_out):
            yield run
