"""The lists that clips are ranked in where nobody gave one: the names of the clips, dealt into lists of ``LENGTH``.

Among thousands of names nobody chooses, and a figure would depend on how many clips a corpus has. Lists of one length
are compared from corpus to corpus, and cost a hundredth of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from speech.inference.scoring import Entry
    from speech.inference.transcriber import Transcriber

LENGTH = 100
_SEED = 0  # the same names are dealt alike, in every run and for both recognisers of a comparison


@dataclass(frozen=True)
class Lists:
    """Each clip is ranked among ``length`` names; ``n_names`` are in all lists together."""

    length: int
    n_names: int


def deal(names: Sequence[str]) -> list[list[str]]:
    """``names``, which are distinct, in lists of ``LENGTH``; the last is filled up with names of the one before."""
    order = np.random.default_rng(_SEED).permutation(len(names))
    ordered = sorted(names)
    dealt = [ordered[i] for i in order]
    starts = [min(start, max(0, len(dealt) - LENGTH)) for start in range(0, len(dealt), LENGTH)]
    return [dealt[start : start + LENGTH] for start in starts]


def lexicons_of(
    transcriber: Transcriber, lists: Sequence[Sequence[str]]
) -> tuple[list[dict[str, Entry]], dict[str, int]]:
    """Each list's names, in the alphabet, with their entries; and of each name the number of its first list."""
    fold = transcriber.alphabet.fold
    names = {fold(name): name for one in lists for name in one}  # each is pronounced once
    entries = {fold(name): entry for name, entry in transcriber.lexicon(list(names.values())).items()}
    lexicons = [{text: entries[text] for text in map(fold, one)} for one in lists]
    return lexicons, {text: i for i, lexicon in reversed([*enumerate(lexicons)]) for text in lexicon}
