"""How names are said: their phones, as espeak-ng reads them in each accent of English. numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from speech.text import espeak
from speech.text.espeak import ACCENTS
from speech.text.names import Name
from speech.text.phones import Phones, phones

USUAL = "en-US"  # where the accent is not known


@lru_cache(maxsize=1 << 17)
def phonemize(text: str, accent: str = USUAL) -> Phones:
    """The phones of ``text`` (letters, a respelling, or IPA between slashes) in ``accent`` (BCP 47).

    An accent that espeak does not have is taken for the usual one.
    """
    return phones(espeak.phonemes(text, accent if accent in ACCENTS.values() else USUAL))


def pronunciations(names: Sequence[str]) -> list[tuple[Phones, ...]]:
    """Every way of saying each of ``names``: in each accent, the usual one first, as it is written or, of a ``Name``
    that comes with such, in each of its own ways."""
    found: list[dict[Phones, None]] = [{} for _ in names]
    for accent in dict.fromkeys([USUAL, *ACCENTS.values()]):  # the outer loop: espeak changes its accent slowly
        for some, name in zip(found, names, strict=True):
            for text in name.say if isinstance(name, Name) and name.say else (str(name),):
                some[phonemize(text, accent)] = None
    return [tuple(way for way in some if way) for some in found]
