"""Names of people of many languages, each with the pronunciations of its own language in English sounds.

Names are faker's (MIT), read by espeak-ng in their language or by rules (``speech.data.pronunciations``). A voice of
another language than the name's says it so, which English reading rules do not: *Mateusz* is /maˈtɛuʃ/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from speech.common.counting import counted
from speech.data.pronunciations import Entry, Variety, read, varieties_of
from speech.text.alphabet import Alphabet, TextError, plain_letters
from speech.text.names import Name, read_names
from speech.text.spelling import words
from speech.text.stress import to_ipa

FRAMES_PER_LETTER = 3  # at most so many phones come from a letter
NO_DEVELOPMENT = 1 << 32  # one name in so many, that none is kept out


def foreign_names(
    varieties: Sequence[Mapping[str, Any]], n: int, exclude: Sequence[str] | str, seed: int, n_phrases: int
) -> list[Name]:
    """``n`` names that ``seed`` draws from those of ``varieties`` (conf/shared/varieties.yaml), none of ``exclude``.

    After them come ``n_phrases`` of two of these names each, as full names are. Which vowel is stressed is drawn, for
    it is not known. Raises CorpusError where faker lacks a locale, and ValueError where there are fewer names.
    """
    alphabet, rng = Alphabet(), np.random.default_rng(seed)
    excluded = {plain_letters(alphabet.fold(word)) for name in read_names(exclude) for word in words(name)}
    by_voice = [replace(one, tables=(), locales=tuple(one.locales), cmudict=False) for one in varieties_of(varieties)]
    found: dict[str, tuple[str, list[str]]] = {}
    for entry in _entries(tuple(by_voice)):
        try:
            letters = plain_letters(alphabet.fold(entry.text))
        except TextError:
            continue
        _, ways = found.setdefault(letters, (entry.text, []))
        for reading in entry.readings:
            if ipa := to_ipa(reading, rng):
                ways.append(ipa)
    names = [Name(text, ways) for letters, (text, ways) in found.items() if ways and letters not in excluded]
    if len(names) < n:
        raise ValueError(f"{counted(n, 'foreign name')} asked for, and {len(names)} there: ask for fewer")
    chosen = [names[i] for i in rng.permutation(len(names))[:n]]
    phrases: dict[str, Name] = {}
    while len(phrases) < n_phrases:
        first, last = (chosen[i] for i in rng.integers(n, size=2))
        phrase = Name(f"{first} {last}", [f"{first.say[0][:-1]} {last.say[0][1:]}"])
        phrases.setdefault(plain_letters(phrase), phrase)
    return chosen + list(phrases.values())


@lru_cache(maxsize=1)  # several sources of one corpus draw from the same names, and to read them takes ten seconds
def _entries(varieties: tuple[Variety, ...]) -> list[Entry]:
    return read(varieties, None, set(), NO_DEVELOPMENT, FRAMES_PER_LETTER).train
