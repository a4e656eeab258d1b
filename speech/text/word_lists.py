"""Lists of common English words and names of people, to train a recogniser that can spell any name.

Word frequencies are those in subtitles (package pyspellchecker, MIT), name frequencies those of the United States
census of 1990 (package names, MIT).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from speech.common.counting import counted
from speech.text.alphabet import Alphabet
from speech.text.lexicon import dictionary, is_word, pronunciations_of
from speech.text.names import is_ipa, read_names
from speech.text.phones import Phones

_POOL = 1.5  # size of the pool of most frequent words to draw from, relative to the number wanted
_NAMES = 0.4  # proportion of names


@lru_cache(maxsize=1)
def common_words() -> list[str]:
    """The dictionary's English words, the most frequent first."""
    from spellchecker import SpellChecker

    counts = SpellChecker().word_frequency.dictionary
    return [word for word in sorted(counts, key=lambda word: (-counts[word], word)) if is_word(word)]


@lru_cache(maxsize=1)
def common_names() -> list[str]:
    """Names of people in the dictionary: given names, the most frequent first, then surnames."""
    import names

    ordered: list[str] = []
    for kinds in (["first:female", "first:male"], ["last"]):
        frequency: dict[str, float] = {}
        for kind in kinds:
            for line in Path(names.FILES[kind]).read_text(encoding="ascii").splitlines():
                name, percent, *_ = line.lower().split()
                frequency[name] = frequency.get(name, 0.0) + float(percent)
        ordered += sorted(frequency, key=lambda name: (-frequency[name], name))
    return [name for name in dict.fromkeys(ordered) if is_word(name)]


def _with_parts(text: str) -> list[str]:
    """``text`` and each of its words, also for IPA between slashes."""
    if is_ipa(text):
        return [text, *(f"/{part}/" for part in text.strip("/").split())]
    return [text, *text.split()]


def distinct_sounds(words: Iterable[str], taken: set[str], sounds: set[Phones]) -> Iterator[str]:
    """Those of ``words`` that are neither in ``taken`` nor homophones of ``sounds`` or of an earlier word.

    Each word that is yielded is added to both sets.
    """
    for word in words:
        own = dictionary()[word]
        if word not in taken and sounds.isdisjoint(own):
            taken.add(word)
            sounds.update(own)
            yield word


def open_words(n: int, exclude: Sequence[str] | str, n_phrases: int, seed: int = 0) -> list[str]:
    """``n`` common words, two in five of them names of people, without homophones of one another or of ``exclude``.

    They are followed by ``n_phrases`` of two or three of these words each, like full names.

    ``exclude`` is a list or, like ``names``, a text file; a ``Name`` in it is excluded in its spelling and in all its
    pronunciations. The words are drawn by ``seed`` from the 1.5 n most frequent; each has 2 to 12 letters of a to z
    and the apostrophe. Raises ValueError if the dictionary has too few.
    """
    excluded, fold = read_names(exclude), Alphabet().fold
    taken = {part for name in excluded for part in _with_parts(fold(name))}
    sounds = pronunciations_of([*taken, *(part for name in excluded for way in name.say for part in _with_parts(way))])
    rng = np.random.default_rng(seed)
    chosen: list[str] = []
    n_names = round(n * _NAMES)
    for kind, words, wanted in [("name", common_names(), n_names), ("word", common_words(), n - n_names)]:
        pool = list(distinct_sounds(words, taken, sounds))[: round(wanted * _POOL)]
        if len(pool) < wanted:
            raise ValueError(
                f"{counted(wanted, kind)} asked for, only {len(pool)} available without homophones: ask for fewer"
            )
        chosen += [pool[i] for i in rng.permutation(len(pool))[:wanted]]
    words = [chosen[i] for i in rng.permutation(n)]
    phrases: dict[str, None] = {}
    while len(phrases) < n_phrases:
        phrases[" ".join(words[i] for i in rng.integers(n, size=rng.integers(2, 4)))] = None
    return words + list(phrases)
