"""Pronunciations of names: their phones by espeak-ng, in each accent of English. numpy only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from speech.text import espeak
from speech.text.espeak import ACCENTS
from speech.text.names import spoken_texts
from speech.text.phones import Phones, phones

USUAL = "en-US"  # for an unknown accent


@lru_cache(maxsize=1 << 17)
def phonemize(text: str, accent: str = USUAL) -> Phones:
    """The phones of ``text`` (letters, a respelling, or IPA between slashes) in ``accent`` (BCP 47).

    An accent that espeak lacks counts as USUAL.
    """
    return phones(espeak.phonemes(text, accent if accent in ACCENTS.values() else USUAL))


class Pronunciation(NamedTuple):
    """One pronunciation of a name, and its probability."""

    phones: Phones
    probability: float


def read_pronunciations(plain: Mapping[str, Any]) -> dict[str, tuple[Pronunciation, ...]]:
    """The pronunciations of each name from plain data, ``{name: [[phones, probability], ...]}``.

    Raises ValueError, TypeError.
    """
    found = {
        str(name): tuple(Pronunciation(tuple(phones), float(probability)) for phones, probability in some)
        for name, some in plain.items()
    }
    if wrong := [name for name, some in found.items() if not all(0 < one.probability <= 1.001 for one in some)]:
        raise ValueError(f"a pronunciation of {wrong[0]!r} has an invalid probability")
    return found


def pronunciations(names: Sequence[str]) -> list[tuple[Pronunciation, ...]]:
    """The distinct pronunciations of each of ``names``, in all accents of all of its ``spoken_texts``, USUAL first.

    A pronunciation's probability is the proportion of accents and texts that have it.
    """
    found: list[Counter[Phones]] = [Counter() for _ in names]
    for accent in dict.fromkeys([USUAL, *ACCENTS.values()]):  # the outer loop: changing espeak's accent is slow
        for some, name in zip(found, names, strict=True):
            some.update(filter(None, (phonemize(text, accent) for text in spoken_texts(name))))
    return [tuple(Pronunciation(phones, n / some.total()) for phones, n in some.items()) for some in found]
