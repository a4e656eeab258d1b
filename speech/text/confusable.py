"""Names of a list that sound similar: the phonetic distance of each pair, in the accent where it is smallest."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speech.common.counting import counted
from speech.common.escape import printable
from speech.text import espeak
from speech.text.espeak import ACCENTS
from speech.text.mnemonics import PronunciationError
from speech.text.names import spoken_texts
from speech.text.phones import PhoneError, Phones, codes, distances, phones

_N_SHOWN = 3  # pairs of homophones in a warning; a list of thousands of names has hundreds of pairs


@dataclass(frozen=True)
class Pair:
    """Two names, their distance (0 homophones, 1 nothing in common), and the accent and IPA where it is smallest."""

    names: tuple[str, str]
    distance: float
    accent: str  # BCP 47; the first accent with this distance
    ipa: tuple[str, str]

    @property
    def homophone_message(self) -> str:
        return f"{self.names[0]} and {self.names[1]} are homophones ({self.accent}: {self.ipa[0]})"


def _all_texts(names: Sequence[str]) -> tuple[list[str], list[int]]:
    """The ``spoken_texts`` of all ``names``, and for each of them the index of its name."""
    texts = [(text, i) for i, name in enumerate(names) for text in spoken_texts(name)]
    return [text for text, _ in texts], [i for _, i in texts]


def nearest(names: Sequence[str]) -> list[Pair]:
    """Every pair of ``names``, nearest first; of several pronunciations of a name the nearest counts."""
    texts, owners = _all_texts(names)
    starts = np.searchsorted(owners, np.arange(len(names) + 1))
    best = np.full((len(names), len(names)), np.inf)
    where = np.zeros((*best.shape, 3), dtype=int)  # accent, pronunciation of either name
    accents = list(ACCENTS.values())
    ipa = [[espeak.phonemes(text, accent) for text in texts] for accent in accents]
    for accent in range(len(accents)):
        sounds = [phones(one) for one in ipa[accent]]
        padded = codes(sounds)
        for way, one in enumerate(sounds):
            i, found = owners[way], distances(one, padded)
            least = np.minimum.reduceat(found, starts[:-1])
            for j in (i + 1 + np.flatnonzero(least[i + 1 :] < best[i, i + 1 :])).tolist():
                where[i, j] = accent, way, starts[j] + found[starts[j] : starts[j + 1]].argmin()
            best[i] = np.minimum(best[i], least)
    pairs = []
    for i, j in itertools.combinations(range(len(names)), 2):
        accent, one_way, other_way = where[i, j].tolist()
        both = ipa[accent][one_way], ipa[accent][other_way]
        pairs.append(Pair((names[i], names[j]), float(best[i, j]), accents[accent], both))
    return sorted(pairs, key=lambda pair: (pair.distance, pair.names))


def homophones(names: Sequence[str]) -> list[Pair]:
    """The pairs of ``names`` that have the same phones in some accent; fast even for a long list."""
    texts, owners = _all_texts(names)
    found: dict[tuple[str, str], Pair] = {}
    for accent in ACCENTS.values():
        by_sound: dict[Phones, dict[int, str]] = {}
        for i, text in zip(owners, texts, strict=True):
            ipa = espeak.phonemes(text, accent)
            by_sound.setdefault(phones(ipa), {}).setdefault(i, ipa)
        for group in by_sound.values():
            for (i, one), (j, other) in itertools.combinations(group.items(), 2):
                pair = Pair((names[i], names[j]), 0.0, accent, (one, other))
                found.setdefault(pair.names, pair)
    return sorted(found.values(), key=lambda pair: pair.names)


def warn_homophones(names: Sequence[str]) -> None:
    """``warn`` of the homophones among ``names``, as espeak pronounces them.

    Silent if espeak is not installed or a pronunciation cannot be converted: the code that synthesises the name raises
    the error.
    """
    try:
        found = homophones(names)
    except (ModuleNotFoundError, PhoneError, PronunciationError):
        return
    warn([pair.homophone_message for pair in found])


def warn(homophones: Sequence[str]) -> None:
    """Print one line on stderr with the first of ``homophones``, one message per pair; nothing if there are none."""
    if homophones:
        some = ", ".join(homophones[:_N_SHOWN])
        n_more = len(homophones) - _N_SHOWN
        more = f" and {counted(n_more, 'more pair')}" if n_more > 0 else ""
        print(printable(f"warning: {some}{more}: a recogniser cannot tell them apart by sound"), file=sys.stderr)
