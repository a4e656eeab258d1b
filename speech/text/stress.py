"""Adds stress to phones that have none, so that a synthesiser speaks them like a word."""

from __future__ import annotations

import numpy as np

from speech.text.mnemonics import PronunciationError, to_mnemonics
from speech.text.phones import VOWELS, Phones

STRESSED = {-2: 0.6, 0: 0.25, -1: 0.15}  # vowel: how often it is stressed; most languages stress the last but one


def to_ipa(phones: Phones, rng: np.random.Generator) -> str | None:
    """``phones`` as IPA between slashes, with stress on a vowel drawn by ``rng``; None if no voice has one of them.

    The true stress is unknown, but a word without any would be mumbled.
    """
    vowels = [at for at, phone in enumerate(phones) if phone in VOWELS]
    which = int(rng.choice(list(STRESSED), p=list(STRESSED.values())))
    at = vowels[max(which, -len(vowels))] if vowels else 0
    ipa = f"/{''.join(phones[:at])}ˈ{''.join(phones[at:])}/" if vowels else f"/{''.join(phones)}/"
    try:
        to_mnemonics(ipa)
    except PronunciationError:
        return None
    return ipa
