"""Foreign accents: substitutions of English sounds by speakers of other languages.

Such speakers replace a sound that their language lacks with the nearest one that it has, but each speaker replaces only
some sounds: an accent is a list of habits, and a speaker has some of them. The habits come from M. Swan and B. Smith
(eds.), "Learner English" (Cambridge, 2nd ed. 2001); sounds are misaki's letters (``speech/tts/kokoro.py``).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import numpy as np

Rule = tuple[str, str]  # a regular expression and its replacement

_EDGE = r"(?![^\s])"  # the end of a word
_TH_AS_S = [("θ", "s"), ("ð", "z")]
_TH_AS_T = [("θ", "t"), ("ð", "d")]
_W_AS_V = [("w", "v")]
_V_AS_W = [("v", "w")]
_V_AS_B = [("v", "b")]
_NO_H = [("h", "")]
_HARD_ENDS = [(f"{voiced}{_EDGE}", hard) for voiced, hard in zip("bdɡvzʤʒð", "ptkfsʧʃθ", strict=True)]
_TAPPED_R = [("[ɹr]", "ɾ")]
_ONE_I = [("ɪ", "i")]
_ONE_U = [("ʊ", "u")]
_OPEN_A = [("æ", "a"), ("ʌ", "a")]
_E_FOR_A = [("æ", "ɛ")]
_PLAIN_E_AND_O = [("A", "e"), ("[OQ]", "o")]
_Z_AS_S = [("z", "s")]
_FULL_VOWELS = [("ᵊ", "ɛ"), ("ə", "ɛ")]
_L_AS_R = [("l", "ɾ"), ("[ɹr]", "ɾ")]
_E_BEFORE_S = [(r"(?<![^\s])(ˈ?)s(?=[ptkmnlf])", r"ɛ\1s")]
_VOWEL_AT_THE_END = [(rf"([ptkbdɡʧʤ]){_EDGE}", r"\1i")]

ACCENTS: dict[str, list[list[Rule]]] = {  # ISO 639-1 -> habits, each one or more rules
    "de": [_TH_AS_S, _W_AS_V, _HARD_ENDS, _E_FOR_A, _FULL_VOWELS],
    "fr": [_TH_AS_S, _NO_H, _ONE_I, _ONE_U, _OPEN_A],
    "es": [_TH_AS_T, _V_AS_B, _ONE_I, _ONE_U, _OPEN_A, _TAPPED_R, _Z_AS_S, _E_BEFORE_S, _PLAIN_E_AND_O],
    "it": [_TH_AS_T, _NO_H, _ONE_I, _ONE_U, _OPEN_A, _TAPPED_R, _PLAIN_E_AND_O],
    "pt": [_TH_AS_T, _ONE_I, _ONE_U, _OPEN_A, _VOWEL_AT_THE_END],
    "el": [_ONE_I, _ONE_U, _OPEN_A, _TAPPED_R, _PLAIN_E_AND_O],
    "pl": [_TH_AS_S, _W_AS_V, _HARD_ENDS, _ONE_I, _E_FOR_A, _TAPPED_R, _FULL_VOWELS, _PLAIN_E_AND_O],
    "hi": [_TH_AS_T, _W_AS_V, _V_AS_W, _TAPPED_R, _PLAIN_E_AND_O],
    "ja": [_TH_AS_S, _V_AS_B, _ONE_I, _OPEN_A, _L_AS_R, _PLAIN_E_AND_O],
    "zh": [_TH_AS_S, _V_AS_W, _HARD_ENDS, _ONE_I, _E_FOR_A],
}


def accented(phonemes: str, rng: np.random.Generator) -> str:
    """``phonemes`` with a foreign accent drawn by ``rng``, with each of its habits with probability one half."""
    habits = ACCENTS[str(rng.choice(list(ACCENTS)))]
    had = rng.random(len(habits)) < 0.5
    return substitute(phonemes, [habit for habit, is_had in zip(habits, had, strict=True) if is_had])


def substitute(phonemes: str, habits: Sequence[Sequence[Rule]]) -> str:
    """``phonemes`` after all rules of ``habits``, applied in order."""
    for sound, replacement in itertools.chain(*habits):
        phonemes = re.sub(sound, replacement, phonemes)
    return phonemes
