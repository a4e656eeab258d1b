"""Which names of a list are said nearly alike: every pair's distance, in the accent where it is smallest."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speech.text import espeak
from speech.text.espeak import ACCENTS, PronunciationError
from speech.text.names import Name
from speech.text.phones import PhoneError, Phones, codes, distances, phones

_N_SHOWN = 3  # pairs of names that are told; a list of thousands has hundreds


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


def to_ipa(texts: Sequence[str], accent: str) -> list[str]:
    """IPA of each of ``texts`` (letters, or IPA between slashes) in ``accent`` (BCP 47), as espeak says it."""
    return [espeak.phonemes(text, accent) for text in texts]


def _pronunciations(names: Sequence[str]) -> tuple[list[str], list[int]]:
    """Every way to say each of ``names``, one after the other, and which name each is of."""
    ways = [name.say if isinstance(name, Name) and name.say else (str(name),) for name in names]
    return [way for some in ways for way in some], [i for i, some in enumerate(ways) for _ in some]


def nearest(names: Sequence[str]) -> list[Pair]:
    """Every pair of ``names``, the nearest first; of a ``Name`` with several ways, in those that come nearest."""
    texts, owners = _pronunciations(names)
    starts = np.searchsorted(owners, np.arange(len(names) + 1))
    best = np.full((len(names), len(names)), np.inf)
    where = np.zeros((*best.shape, 3), dtype=int)  # accent, and the way of either
    said = [to_ipa(texts, accent) for accent in ACCENTS.values()]
    for accent, ipa in enumerate(said):
        sounds = [phones(one) for one in ipa]
        padded = codes(sounds)
        for way, one in enumerate(sounds):
            i, found = owners[way], distances(one, padded)
            least = np.minimum.reduceat(found, starts[:-1])
            for j in (i + 1 + np.flatnonzero(least[i + 1 :] < best[i, i + 1 :])).tolist():
                where[i, j] = accent, way, starts[j] + found[starts[j] : starts[j + 1]].argmin()
            best[i] = np.minimum(best[i], least)
    accents = list(ACCENTS.values())
    pairs = []
    for i, j in itertools.combinations(range(len(names)), 2):
        accent, one_way, other_way = where[i, j].tolist()
        ipas = said[accent][one_way], said[accent][other_way]
        pairs.append(Pair((names[i], names[j]), float(best[i, j]), accents[accent], ipas))
    return sorted(pairs, key=lambda pair: (pair.distance, pair.names))


def homophones(names: Sequence[str]) -> list[Pair]:
    """The pairs that some accent says in the very same sounds, in any of their ways; quick for a long list."""
    texts, owners = _pronunciations(names)
    found: dict[tuple[str, str], Pair] = {}
    for accent in ACCENTS.values():
        alike: dict[Phones, dict[int, str]] = {}
        for i, ipa in zip(owners, to_ipa(texts, accent), strict=True):
            alike.setdefault(phones(ipa), {}).setdefault(i, ipa)
        for group in alike.values():
            for (i, one), (j, other) in itertools.combinations(group.items(), 2):
                pair = Pair((names[i], names[j]), 0.0, accent, (one, other))
                found.setdefault(pair.names, pair)
    return sorted(found.values(), key=lambda pair: pair.names)


def warn_homophones(names: Sequence[str]) -> None:
    """Warn, in one line, of those of ``names`` that some accent says in the same sounds."""
    try:
        found = homophones(names)
    except (ModuleNotFoundError, PhoneError, PronunciationError):
        # Without espeak, or for a name that it says in sounds of its own, letters can be ranked all the same; a way to
        # say it that is none is told by whoever says the name.
        return
    if found:
        some = ", ".join(pair.alike for pair in found[:_N_SHOWN])
        more = f" and {len(found) - _N_SHOWN} more pairs" if len(found) > _N_SHOWN else ""
        print(f"warning: {some}{more}: no ear tells them apart", file=sys.stderr)
