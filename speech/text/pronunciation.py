"""Pronunciations of names: their phones by espeak-ng, in each accent of English. numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from speech.text import espeak
from speech.text.espeak import ACCENTS
from speech.text.names import ways_to_say
from speech.text.phones import Phones, phones

USUAL = "en-US"  # for an unknown accent


@lru_cache(maxsize=1 << 17)
def phonemize(text: str, accent: str = USUAL) -> Phones:
    """The phones of ``text`` (letters, a respelling, or IPA between slashes) in ``accent`` (BCP 47).

    An accent that espeak lacks counts as USUAL.
    """
    return phones(espeak.phonemes(text, accent if accent in ACCENTS.values() else USUAL))


def pronunciations(names: Sequence[str]) -> list[tuple[Phones, ...]]:
    """The distinct pronunciations of each of ``names``, all accents of all of its ``ways_to_say``, USUAL first."""
    found: list[dict[Phones, None]] = [{} for _ in names]
    for accent in dict.fromkeys([USUAL, *ACCENTS.values()]):  # the outer loop: to change espeak's accent is slow
        for some, name in zip(found, names, strict=True):
            for text in ways_to_say(name):
                some[phonemize(text, accent)] = None
    return [tuple(filter(None, some)) for some in found]
