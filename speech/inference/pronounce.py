"""The pronunciations of a name, each with its probability: its own, else the dictionary's and the G2P model's.

A grapheme-to-phoneme model reads names that no dictionary has. The irregular words of English (one, two, eight) are in
the CMU Pronouncing Dictionary; if it has a name, its pronunciations together have half of the probability.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from speech.common.ranges import checked_count
from speech.inference.g2p import shipped
from speech.text.lexicon import look_up
from speech.text.names import Name, is_ipa, spoken_texts
from speech.text.phones import Phones, phones
from speech.text.pronunciation import Pronunciation
from speech.text.spelling import words
from speech.text.stress import to_ipa

MOST = 16  # pronunciations of a name, from the dictionary and the model together
_INITIALS = re.compile(r"\b[A-Z]{2}\b")
N_KNOWN = 8  # pronunciations, at most, that the dictionary gives for a name of several words


def pronounce(names: Sequence[str]) -> list[tuple[Pronunciation, ...]]:
    """The pronunciations of each of ``names``, the likeliest first. Those that a ``Name`` itself gives are equally
    likely: IPA is taken as it is, a respelling is read by the model. Raises PhoneError for IPA that is not a sound of
    English, TextError for letters that are not Latin.
    """
    spoken = [spoken_texts(name) for name in names]
    texts = list(dict.fromkeys(text for some in spoken for text in some if not is_ipa(text)))
    guessed = shipped().pronunciations_of(texts) if texts else []
    read = {text: _mixed(_known(text), of) for text, of in zip(texts, guessed, strict=True)}
    return [_equally(some, read) for some in spoken]


def with_pronunciations(names: Sequence[str], n: int, seed: int) -> list[Name]:
    """``names``, each with its ``n`` likeliest pronunciations at most; a ``Name`` with its own keeps those.

    The stress is not known, and is drawn at random by ``seed``. A name without a pronunciation that a voice can speak
    stays as it is. Raises ValueError for an ``n`` outside of 1 to MOST.
    """
    checked_count("n_pronunciations", n, 1, MOST)
    rng, found = np.random.default_rng(seed), []
    for name, pronunciations in zip(names, pronounce(names), strict=True):
        own = getattr(name, "say", ())
        found.append(Name(name, own or list(filter(None, [to_ipa(one.phones, rng) for one in pronunciations[:n]]))))
    return found


def _known(text: str) -> list[Pronunciation]:
    """The dictionary's pronunciations of ``text``, equally probable; none if it lacks one of the words. Two capitals
    that are not in the dictionary (TJ) are said letter by letter, as espeak says them."""
    initials = {one.casefold() for one in _INITIALS.findall(text)}
    known: list[list[Phones]] = []
    for word in words(text.casefold()):
        found = look_up(word)
        known += [found] if found or word not in initials else map(look_up, word)
    phrases = list(itertools.islice(itertools.product(*known), N_KNOWN)) if known else []
    return [Pronunciation(tuple(itertools.chain(*one)), 1 / len(phrases)) for one in phrases]


def _mixed(known: Sequence[Pronunciation], guessed: Sequence[Pronunciation]) -> list[Pronunciation]:
    """Both, each with half of the probability, if there are ``known`` ones."""
    half = 0.5 if known else 1.0
    return [Pronunciation(one.phones, one.probability * half) for one in (*known, *guessed)]


def _equally(texts: Sequence[str], read: dict[str, list[Pronunciation]]) -> tuple[Pronunciation, ...]:
    total: defaultdict[Phones, float] = defaultdict(float)
    for text in texts:
        for one in [Pronunciation(phones(text.strip("/")), 1.0)] if is_ipa(text) else read[text]:
            total[one.phones] += one.probability / len(texts)
    ordered = sorted(total, key=lambda some: -total[some])
    return tuple(Pronunciation(some, total[some]) for some in ordered)
