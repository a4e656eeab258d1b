"""Letters with their marks to integers: the input of a grapheme-to-phoneme model.

A letter is a base (a to z and the Latin letters that Unicode does not decompose) and up to two marks, since Vietnamese
has two: ``ế`` is e, circumflex, acute. A mark that a model does not know is dropped. A few Latin letters are replaced
by similar ones; any other unknown letter is an error. Symbol 0 is "none".
"""

from __future__ import annotations

import re
import unicodedata

from speech.text.alphabet import APOSTROPHES, TextError

LETTERS = "abcdefghijklmnopqrstuvwxyz'ßæœøðþłđħıəɛɔŋɓɗƙ"
MARKS = "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u0309\u030a\u030b\u030c\u031b\u0323\u0326\u0327\u0328"
N_MARKS = 2  # per letter, at most
_APART = re.compile(r"[\s\-‐‑–_.,/·]+")
_APOSTROPHES = dict.fromkeys(map(ord, APOSTROPHES), "'")
_WRITTEN = str.maketrans({"ƀ": "b", "ƴ": "y", "ǝ": "ə", "ĸ": "k", "ŀ": "l", "ɨ": "i", "ʉ": "u", "ɩ": "i", "ŧ": "t"})

Word = tuple[tuple[int, ...], tuple[tuple[int, int], ...]]  # symbols of its letters, and of each letter's marks


def words(text: str) -> list[str]:
    """The words of ``text``, lower case, separated by white space, hyphens or full stops; an apostrophe is a letter."""
    return [word for word in _APART.split(_lower(text)) if word.strip("'")]


def encode(word: str, letters: str = LETTERS, marks: str = MARKS) -> Word:
    """Symbols of the letters of ``word`` and of each letter's marks. Raises TextError, naming the unknown character."""
    symbols: list[int] = []
    own: list[list[int]] = []
    for character in unicodedata.normalize("NFKD", _lower(word)):
        if unicodedata.combining(character):
            if character in marks and own and len(own[-1]) < N_MARKS:
                own[-1].append(marks.index(character) + 1)
        elif character in letters:
            symbols.append(letters.index(character) + 1)
            own.append([])
        else:
            raise TextError(f"text {word!r} has {character!r}, which is not a Latin letter: write it in Latin letters")
    if not symbols:
        raise TextError(f"text {word!r} has no letter in it: write the name as it is spelt")
    padded = tuple((*some, *[0] * (N_MARKS - len(some))) for some in own)
    return tuple(symbols), tuple((some[0], some[1]) for some in padded)


def _lower(word: str) -> str:
    """Lower case; not by ``casefold``, which would write ß as ss and the Turkish İ as i with a dot."""
    return word.replace("İ", "i").lower().translate(_APOSTROPHES).translate(_WRITTEN)


def folded(text: str) -> str:
    """The letters of ``text`` without marks and in lower case; spellings with the same result count as one."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if c.isalpha() and not unicodedata.combining(c))
