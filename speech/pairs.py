"""Which names of a list are said nearly alike: every pair's distance, in the accent where it is smallest."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speech.alphabet import Name
from speech.phonetics import Phones, codes, distances, phones
from speech.voices.espeak import ACCENTS, Espeak


@dataclass(frozen=True)
class Pair:
    """Two names, how far apart they are said (0 alike, 1 nothing in common), where, and how (IPA)."""

    names: tuple[str, str]
    distance: float
    accent: str  # BCP 47; of those that say the pair nearest, the first
    said: tuple[str, str]

    @property
    def alike(self) -> str:
        """What to tell of two names that are said alike."""
        one, other = self.names
        return f"{one} and {other} are said alike ({self.accent}: {self.said[0]})"


def spoken(names: Sequence[str], accent: str) -> list[str]:
    """IPA of each of ``names`` in ``accent`` (BCP 47), as espeak says it: a ``Name`` in the first of its ways."""
    espeak = Espeak()
    ways = [name.say[0] if isinstance(name, Name) and name.say else str(name) for name in names]
    return [espeak.phonemes(way, accent) for way in ways]


def nearest(names: Sequence[str]) -> list[Pair]:
    """Every pair of ``names``, the nearest first."""
    best = np.full((len(names), len(names)), np.inf)
    where = np.zeros(best.shape, dtype=int)
    said = [spoken(names, accent) for accent in ACCENTS.values()]
    for accent, ipa in enumerate(said):
        sounds = [phones(one) for one in ipa]
        padded = codes(sounds)
        for i, one in enumerate(sounds):
            found = distances(one, padded)
            where[i][found < best[i]] = accent
            best[i] = np.minimum(best[i], found)
    accents = list(ACCENTS.values())
    pairs = []
    for i, j in itertools.combinations(range(len(names)), 2):
        accent = where[i, j]
        ways = said[accent][i], said[accent][j]
        pairs.append(Pair((names[i], names[j]), float(best[i, j]), accents[accent], ways))
    return sorted(pairs, key=lambda pair: (pair.distance, pair.names))


def said_alike(names: Sequence[str]) -> list[Pair]:
    """The pairs that some accent says in the very same sounds; quick for a long list."""
    found: dict[tuple[str, str], Pair] = {}
    for accent in ACCENTS.values():
        ways = spoken(names, accent)
        alike: dict[Phones, list[int]] = {}
        for i, ipa in enumerate(ways):
            alike.setdefault(phones(ipa), []).append(i)
        for group in alike.values():
            for i, j in itertools.combinations(group, 2):
                pair = Pair((names[i], names[j]), 0.0, accent, (ways[i], ways[j]))
                found.setdefault(pair.names, pair)
    return sorted(found.values(), key=lambda pair: pair.names)
