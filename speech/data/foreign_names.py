"""Names of people in many languages, each with its native pronunciations in English sounds.

The names are faker's (MIT), read by espeak-ng in their language or by rules (``speech.data.pronunciations``). A voice
of another language then says a name as in the name's own, which English reading rules do not: *Mateusz* is /maˈtɛuʃ/.
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

FRAMES_PER_LETTER = 3  # the most phones that one letter can give
NO_DEVELOPMENT = 1 << 32  # one name in this many would be kept out: none is


def foreign_names(
    varieties: Sequence[Mapping[str, Any]], n: int, exclude: Sequence[str] | str, seed: int, n_phrases: int
) -> list[Name]:
    """``n`` names, drawn by ``seed`` from those of ``varieties`` (conf/shared/varieties.yaml), none in ``exclude``.

    They are followed by ``n_phrases`` phrases of two of these names each, like full names. The stressed vowel is drawn,
    since it is unknown. Raises CorpusError if faker lacks a locale, and ValueError if there are fewer names.
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
        _, say = found.setdefault(letters, (entry.text, []))
        for reading in entry.readings:
            if ipa := to_ipa(reading, rng):
                say.append(ipa)
    names = [Name(text, say) for letters, (text, say) in found.items() if say and letters not in excluded]
    if len(names) < n:
        raise ValueError(f"{counted(n, 'foreign name')} asked for, only {len(names)} available: ask for fewer")
    chosen = [names[i] for i in rng.permutation(len(names))[:n]]
    phrases: dict[str, Name] = {}
    while len(phrases) < n_phrases:
        first, last = (chosen[i] for i in rng.integers(n, size=2))
        phrase = Name(f"{first} {last}", [f"{first.say[0][:-1]} {last.say[0][1:]}"])
        phrases.setdefault(plain_letters(phrase), phrase)
    return chosen + list(phrases.values())


@lru_cache(maxsize=1)  # several sources of one corpus draw from the same names, which take ten seconds to read
def _entries(varieties: tuple[Variety, ...]) -> list[Entry]:
    return read(varieties, None, set(), NO_DEVELOPMENT, FRAMES_PER_LETTER).train
