"""Letters to integers and back; symbol 0 is the CTC blank.

Any text (``Chloé``) is folded into the alphabet (``chloe``) and encoded (``[3, 8, 12, 15, 5]``). A text with a
character that the alphabet cannot write is refused.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

BLANK = 0

APOSTROPHES = "’ʼ`´‘ʻʽ′ʾʿ‛ꞌ＇"  # of any language, including the Hawaiian okina and the Arabic hamza
# Latin letters (and typographic marks) that Unicode does not decompose into a plain letter and a mark.
_PLAIN = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ð": "d", "þ": "th", "ł": "l", "đ": "d", "ħ": "h", "ı": "i"}
    | dict.fromkeys(APOSTROPHES, "'")
    | dict.fromkeys("-‐‑–_", " ")
)


def plain_letters(text: str) -> str:
    """``text`` in lower case without diacritics, in any script, so that two spellings of one name compare equal."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_PLAIN))
    plain = "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_PLAIN)
    return " ".join(plain.split())


class TextError(ValueError):
    """A text that the alphabet cannot write."""


class Alphabet:
    """The letters that a recogniser spells: output symbols 1, 2, ... ``letters`` are distinct, without the blank."""

    def __init__(self, letters: str = "abcdefghijklmnopqrstuvwxyz' ") -> None:
        if not letters or len(set(letters)) != len(letters):
            raise ValueError(f"alphabet letters must be distinct and not empty: {letters!r}")
        self.letters = letters
        self._symbol = {letter: symbol for symbol, letter in enumerate(letters, start=1)}

    def __len__(self) -> int:
        """Number of output symbols, the blank included."""
        return len(self.letters) + 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Alphabet) and other.letters == self.letters

    def __hash__(self) -> int:
        return hash(self.letters)

    def __repr__(self) -> str:
        return f"Alphabet({self.letters!r})"

    def fold(self, text: str) -> str:
        """Write ``text`` in this alphabet: lower case, diacritics removed, white space collapsed.

        Raises TextError, naming the text and the characters, if the alphabet cannot write a character.
        """
        return _fold(str(text), self.letters)

    def encode(self, text: str) -> list[int]:
        """Symbols of ``text`` (folded first); ``n_letters`` integers in 1 ... len(self) - 1."""
        return [self._symbol[letter] for letter in self.fold(text)]

    def decode(self, symbols: Iterable[int]) -> str:
        """Letters of ``symbols``; blanks are left out, repeats are kept (the CTC decoder collapses them)."""
        return "".join(self.letters[symbol - 1] for symbol in symbols if symbol != BLANK)


@lru_cache(maxsize=1 << 16)  # names are folded for every clip, and texts in every epoch
def _fold(text: str, letters: str) -> str:
    folded = plain_letters(text)
    foreign = sorted(set(folded) - set(letters))
    if foreign:
        shown = " ".join(repr(c) for c in foreign)
        raise TextError(f"text {text!r} has {shown}, which the alphabet {letters!r} cannot write: respell it")
    if not any(c.isalpha() for c in folded):
        raise TextError(f"text {text!r} has no letter in it: write the name as it is spelt")
    return folded


def n_frames_needed(symbols: Sequence[int]) -> int:
    """The fewest frames in which CTC can emit ``symbols``: one per symbol, and one for a blank between equal ones."""
    return len(symbols) + sum(a == b for a, b in itertools.pairwise(symbols))
