"""Phonetic distance of two pronunciations: IPA to phones, and the weighted edit distance between them.

A phone is a consonant (place, manner, voice, nasal, lateral) or a vowel (height, backness, rounding). The values of
place and manner are Ladefoged's as Kondrak uses them (G. Kondrak, "A New Algorithm for the Alignment of Phonetic
Sequences", NAACL 2000); heights and backnesses are taken from the IPA chart. The weights follow human confusions in
noise (G. A. Miller and P. E. Nicely, JASA 27, 1955): the place of a consonant is confused most, its voice and its
nasality least. Stress is ignored. The symbols are those that espeak-ng and the CMU dictionary use for English.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Phones = tuple[str, ...]

_CONSONANTS = {  # place, manner, voiced, nasal, lateral
    "p": (1.0, 1.0, 0, 0, 0),
    "b": (1.0, 1.0, 1, 0, 0),
    "m": (1.0, 1.0, 1, 1, 0),
    "w": (1.0, 0.6, 1, 0, 0),
    "ʍ": (1.0, 0.6, 0, 0, 0),
    "f": (0.95, 0.8, 0, 0, 0),
    "v": (0.95, 0.8, 1, 0, 0),
    "θ": (0.9, 0.8, 0, 0, 0),
    "ð": (0.9, 0.8, 1, 0, 0),
    "t̪": (0.9, 1.0, 0, 0, 0),
    "d̪": (0.9, 1.0, 1, 0, 0),
    "t": (0.85, 1.0, 0, 0, 0),
    "d": (0.85, 1.0, 1, 0, 0),
    "ɾ": (0.85, 0.9, 1, 0, 0),
    "n": (0.85, 1.0, 1, 1, 0),
    "s": (0.85, 0.8, 0, 0, 0),
    "z": (0.85, 0.8, 1, 0, 0),
    "l": (0.85, 0.6, 1, 0, 1),
    "ɹ": (0.8, 0.6, 1, 0, 0),
    "ʃ": (0.75, 0.8, 0, 0, 0),
    "ʒ": (0.75, 0.8, 1, 0, 0),
    "tʃ": (0.75, 0.9, 0, 0, 0),
    "dʒ": (0.75, 0.9, 1, 0, 0),
    "j": (0.7, 0.6, 1, 0, 0),
    "k": (0.6, 1.0, 0, 0, 0),
    "ɡ": (0.6, 1.0, 1, 0, 0),
    "ŋ": (0.6, 1.0, 1, 1, 0),
    "x": (0.6, 0.8, 0, 0, 0),
    "h": (0.1, 0.8, 0, 0, 0),
    "ʔ": (0.1, 1.0, 0, 0, 0),
}
_VOWELS = {  # height (1 close, 0 open), backness (0 front, 1 back), rounded
    "i": (1.0, 0.0, 0),
    "ɪ": (0.85, 0.15, 0),
    "ᵻ": (0.85, 0.3, 0),
    "e": (0.67, 0.0, 0),
    "ɛ": (0.33, 0.1, 0),
    "æ": (0.15, 0.15, 0),
    "a": (0.0, 0.25, 0),
    "ɐ": (0.15, 0.5, 0),
    "ə": (0.5, 0.5, 0),
    "ɜ": (0.4, 0.5, 0),
    "ʌ": (0.33, 0.8, 0),
    "ɑ": (0.0, 1.0, 0),
    "ɒ": (0.0, 1.0, 1),
    "ɔ": (0.33, 1.0, 1),
    "o": (0.67, 1.0, 1),
    "ʊ": (0.85, 0.85, 1),
    "ʉ": (1.0, 0.5, 1),
    "u": (1.0, 1.0, 1),
}
VOWELS = frozenset(_VOWELS)
PHONES = [*_CONSONANTS, *_VOWELS]
_WEAK = set("əɐɪᵻhɹjwʍʔ")  # short or soft phones
LIGHTEST = 0.5  # their weight; that of all others is 1
_GLIDES = {"j": "iɪ", "w": "uʊʉ", "ɹ": "ɜə"}  # the vowels with nearly the articulation of a consonant
_SAME = {  # other notations of one phone or of two
    **{"r": "ɹ", "g": "ɡ", "ɚ": "əɹ", "ɝ": "ɜɹ", "ɫ": "l", "ɬ": "l", "ʦ": "ts", "ʧ": "tʃ", "ʤ": "dʒ"},
    **{"n\u0329": "ən", "l\u0329": "əl", "m\u0329": "əm"},
}
_MARKS = re.compile("[ˈˌː:ʲˑ‿. \u0361\u200d_|-]|\\([a-z-]+\\)")  # stress, length, ties, espeak's (en) language marks
_SYLLABIC = re.compile("|".join(sorted(_SAME, key=len, reverse=True)))
_PHONE = re.compile("|".join(sorted(PHONES, key=len, reverse=True)))


class Inventory:
    """Phones to a recogniser's output symbols 1, 2, ... and back; symbol 0 is the CTC blank, as in ``Alphabet``.

    ``phones`` are distinct and in the order of the symbols. A recogniser stores its own list.
    """

    def __init__(self, phones: Sequence[str] = tuple(PHONES)) -> None:
        texts = not isinstance(phones, str) and all(isinstance(phone, str) for phone in phones)
        if not texts or not phones or len(set(phones)) != len(phones):
            raise ValueError(f"phones={phones!r} must be true, false, or a list of distinct phones")
        self.phones = list(phones)
        self._symbol = {phone: symbol for symbol, phone in enumerate(self.phones, start=1)}

    def __len__(self) -> int:
        """Number of output symbols, the blank included."""
        return len(self.phones) + 1

    def encode(self, phones: Phones) -> list[int]:
        """Symbols of ``phones``. Raises PhoneError for a phone that is not in this inventory."""
        if missing := [phone for phone in phones if phone not in self._symbol]:
            raise PhoneError(f"{' '.join(missing)}: not among the phones of this recogniser")
        return [self._symbol[phone] for phone in phones]

    def decode(self, symbols: Sequence[int]) -> Phones:
        """Phones of ``symbols``; blanks are left out."""
        return tuple(self.phones[symbol - 1] for symbol in symbols if symbol)


class PhoneError(ValueError):
    """An IPA symbol is not in PHONES; the message names it and its place."""


def phones(ipa: str) -> Phones:
    """The phones of an IPA transcription; stress and length are left out. Raises PhoneError."""
    plain = _SYLLABIC.sub(lambda found: _SAME[found[0]], _MARKS.sub("", ipa))
    found: list[str] = []
    at = 0
    while at < len(plain):
        match = _PHONE.match(plain, at)
        if match is None:
            place = ipa.find(plain[at]) + 1
            sound = f"{plain[at]!r} (character {place})"
            raise PhoneError(f"/{ipa}/: {sound} is not a sound of English: {' '.join(PHONES)}")
        found.append(match[0])
        at = match.end()
    return tuple(found)


def _weight(phone: str) -> float:
    return LIGHTEST if phone in _WEAK else 1.0


def _difference(a: str, b: str) -> float:
    """Distance of two phones, 0 (the same) to 1."""
    if a in _CONSONANTS and b in _CONSONANTS:
        one, other = _CONSONANTS[a], _CONSONANTS[b]
        marks = sum(x != y for x, y in zip(one[2:], other[2:], strict=True))
        return min(1.0, abs(one[0] - other[0]) + abs(one[1] - other[1]) + 0.3 * marks)
    if a in _VOWELS and b in _VOWELS:
        (height, back, rounded), (other_height, other_back, other_rounded) = _VOWELS[a], _VOWELS[b]
        return 0.55 * abs(height - other_height) + 0.35 * abs(back - other_back) + 0.1 * (rounded != other_rounded)
    consonant, vowel = (a, b) if a in _CONSONANTS else (b, a)
    return 0.5 if vowel in _GLIDES.get(consonant, "") else 1.0


@lru_cache(maxsize=1)
def _costs() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Costs of substitution ``(n_phones + 1, n_phones + 1)``, deletion ``(n_phones + 1,)``; the last is the padding."""
    weights = np.array([*map(_weight, PHONES), 0.0])
    substitution = np.zeros((len(weights), len(weights)))
    for i, a in enumerate(PHONES):
        for j, b in enumerate(PHONES):
            substitution[i, j] = _difference(a, b) * max(weights[i], weights[j])
    return substitution, weights


def codes(many: Sequence[Phones]) -> NDArray[np.int64]:
    """``many`` as indices into ``PHONES``, ``(len(many), longest)``, padded with ``len(PHONES)``."""
    index = {phone: i for i, phone in enumerate(PHONES)}
    padded = np.full((len(many), max(map(len, many), default=0)), len(PHONES))
    for row, one in enumerate(many):
        padded[row, : len(one)] = [index[phone] for phone in one]
    return padded


def distances(one: Phones, many: NDArray[np.int64]) -> NDArray[np.float64]:
    """Distance of ``one`` to each of ``many`` (``codes``), 0 (homophones) to 1, ``(len(many),)``.

    The weighted edit distance (Wagner and Fischer, JACM 1974) divided by the cost of deleting the heavier of the two.
    """
    substitution, weights = _costs()
    (row,) = codes([one])
    deletion = weights[many]  # the padding costs nothing
    # table[:, j]: the cost of turning the phones of `one` so far into the first j of each
    table = np.concatenate([np.zeros((len(many), 1)), deletion.cumsum(axis=1)], axis=1)
    whole = np.maximum(weights[row].sum(), table[:, -1])
    for phone in row:
        replaced = table[:, :-1] + substitution[phone][many]
        # Beyond the end of each of `many` nothing is substituted: its cost stays that of its own last column.
        replaced[many == len(PHONES)] = np.inf
        table = table + weights[phone]
        for j in range(many.shape[1]):
            table[:, j + 1] = np.minimum(np.minimum(table[:, j + 1], replaced[:, j]), table[:, j] + deletion[:, j])
    return np.minimum(1.0, table[:, -1] / np.maximum(whole, 1e-9))


def nearer_than(distance: float, one: Phones, many: NDArray[np.int64]) -> NDArray[np.int64]:
    """The indices of those of ``many`` (``codes``) whose distance to ``one`` is below ``distance``."""
    n_phones = (many < len(PHONES)).sum(axis=1)
    most = np.maximum(n_phones, len(one))
    # Each phone that one has more than the other costs at least LIGHTEST, out of at most `most`.
    near = np.flatnonzero(np.abs(n_phones - len(one)) * LIGHTEST < distance * most)
    return near[distances(one, many[near, : most[near].max(initial=0)]) < distance]
