"""Names that espeak's English reader spells out letter by letter: ``Hrvoje`` as aitch ar voje, ``Ng`` as en gee."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from speech.common.escape import printable
from speech.text import espeak
from speech.text.mnemonics import PronunciationError
from speech.text.names import spoken_texts
from speech.text.spelling import folded

_ACCENT = "en-GB"  # the reader is the same in each
_CONSONANTS = frozenset("bcdfghjklmnpqrstvwxz")
_NUMBER = "ɹəʊmən"  # "Roman", which it says before a Roman numeral
_WORD = re.compile(r"[^\W\d_]{2,}")
_N_SHOWN = 5  # names in a warning


def spelt_out(text: str) -> bool:
    """Whether espeak spells out the first of two initial consonants of a word of ``text``, or reads it as a number.

    Initials in capitals (TJ) are meant to be spelt out.
    """
    words = [word for word in _WORD.findall(espeak.readable(text)) if not word.isupper()]
    starts = [folded(word)[:2] for word in words]
    return (_NUMBER in _sound(text) and "roman" not in folded(text)) or any(
        set(start) <= _CONSONANTS and _sound(word).startswith(_sound(start[0]))
        for word, start in zip(words, starts, strict=True)
    )


def _sound(text: str) -> str:
    return re.sub("[ˈˌː ]", "", espeak.phonemes(text, _ACCENT))


def warn_spelt_out(names: Sequence[str]) -> None:
    """Print one line on stderr with the first of ``names`` that are spelt out, if any, and how to correct them.

    Silent if espeak is not installed or cannot pronounce a name: the code that synthesises it raises the error.
    """
    try:
        found = [name for name in names if any(map(spelt_out, spoken_texts(name)))]
    except (ModuleNotFoundError, PronunciationError):
        return
    if found:
        some = ", ".join(f"{name} ({espeak.phonemes(spoken_texts(name)[0], _ACCENT)})" for name in found[:_N_SHOWN])
        more = f" and {len(found) - _N_SHOWN} more" if len(found) > _N_SHOWN else ""
        way_out = "give a respelling: {text: Hrvoje, say: [hurvoya]}, or a line Hrvoje = hurvoya"
        print(printable(f"warning: {some}{more}: read letter by letter: {way_out}"), file=sys.stderr)
