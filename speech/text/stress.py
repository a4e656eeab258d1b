"""IPA with stress for phones that come without any, so that a synthesiser says them as it says a word."""

from __future__ import annotations

import numpy as np

from speech.text.mnemonics import PronunciationError, to_mnemonics
from speech.text.phones import VOWELS, Phones

STRESSED = {-2: 0.6, 0: 0.25, -1: 0.15}  # vowel: how often it is stressed; the last but one in most languages


def to_ipa(phones: Phones, rng: np.random.Generator) -> str | None:
    """``phones`` as IPA between slashes, one of their vowels stressed, drawn by ``rng``; None where no voice has one.

    Where the stress lies is not known, and a word without any is mumbled.
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
