"""The lists in which clips are ranked if no list is given: the names of the clips, dealt into lists of ``LENGTH``.

Nobody uses a list of thousands of names, and the figures would depend on the size of the corpus. Lists of one length
can be compared from corpus to corpus, and take a hundredth of the time.
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
_SEED = 0  # the same names are dealt in the same way in every run, and for both recognisers of a comparison


@dataclass(frozen=True)
class Lists:
    """Each clip is ranked among ``length`` names; all lists together have ``n_names``."""

    length: int
    n_names: int


def deal(names: Sequence[str]) -> list[list[str]]:
    """``names``, which are distinct, in lists of ``LENGTH``; the last is filled up with names from the one before."""
    order = np.random.default_rng(_SEED).permutation(len(names))
    ordered = sorted(names)
    dealt = [ordered[i] for i in order]
    starts = [min(start, max(0, len(dealt) - LENGTH)) for start in range(0, len(dealt), LENGTH)]
    return [dealt[start : start + LENGTH] for start in starts]


def lexicons_of(
    transcriber: Transcriber, lists: Sequence[Sequence[str]]
) -> tuple[list[dict[str, Entry]], dict[str, int]]:
    """Each list's names, in the alphabet, with their entries; and for each name the number of its first list."""
    fold = transcriber.alphabet.fold
    names = {fold(name): name for one in lists for name in one}  # so that each name is phonemized once
    entries = {fold(name): entry for name, entry in transcriber.lexicon(list(names.values())).items()}
    lexicons = [{text: entries[text] for text in map(fold, one)} for one in lists]
    return lexicons, {text: i for i, lexicon in reversed([*enumerate(lexicons)]) for text in lexicon}
