"""Foreign IPA to the phones of ``speech.text.phones``: the English sound that an English listener perceives.

Listeners perceive a foreign sound as the nearest of their own language: perceptual assimilation (C. T. Best, "A Direct
Realist View of Cross-Language Speech Perception", 1995); a recogniser trained on English phones does the same. The
nearest by place, manner and voice is taken from the IPA chart (IPA Handbook, 1999). Where a language uses a symbol for
a different sound, or where English listeners are known to perceive it differently, the choice follows the chapters
of M. Swan and B. Smith (eds.), "Learner English" (Cambridge, 2nd ed. 2001), and is listed under the language. Stress,
length, tone, aspiration and secondary articulations are dropped; doubled sounds become one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from speech.text.phones import PHONES, PhoneError, Phones, phones

NASAL, SYLLABIC = "\u0303", "\u0329\u030d"
NEAREST = {  # for any language; a symbol in PHONES stands for itself
    # plosives: palatal and uvular as velar, retroflex as alveolar, implosive as plain
    **{"c": "k", "ɟ": "ɡ", "q": "k", "ɢ": "ɡ", "ʈ": "t", "ɖ": "d", "ɓ": "b", "ɗ": "d", "ɠ": "ɡ", "ʄ": "ɡ", "g": "ɡ"},
    # nasals
    **{"ɱ": "m", "ɳ": "n", "ɴ": "n", "ɲ": "nj", "ᵐ": "m", "ⁿ": "n", "ᵑ": "ŋ"},
    # trills, taps and the other sounds written r
    **{"r": "ɹ", "ɾ": "ɹ", "ɽ": "ɹ", "ʀ": "ɹ", "ʁ": "ɹ", "ɻ": "ɹ", "ɺ": "ɹ", "ʙ": "b", "ʳ": "ɹ"},
    # fricatives: English has no voiced velar, no palatal and no bilabial fricative
    **{"ɸ": "f", "β": "v", "ɣ": "ɡ", "χ": "x", "ħ": "h", "ɦ": "h", "ʜ": "h", "ʕ": "", "ʔ": "", "ʢ": "", "ɧ": "ʃ"},
    **{"ç": "ʃ", "ʝ": "j", "ʂ": "ʃ", "ʐ": "ʒ", "ɕ": "ʃ", "ʑ": "ʒ", "ɮ": "l", "ɬ": "l"},
    # approximants and laterals
    **{"ʋ": "v", "ɰ": "w", "ɥ": "w", "ᶣ": "w", "ɫ": "l", "ɭ": "l", "ʎ": "lj", "ʟ": "l", "ʍ": "w"},
    # clicks: the plosive at their place
    **{"ʘ": "p", "ǀ": "t", "ǃ": "k", "ǁ": "k"},
    # front rounded vowels move back or become central, central and back unrounded vowels become the nearest vowel
    **{"y": "u", "ʏ": "ʊ", "ø": "ɜ", "œ": "ɜ", "ɶ": "a", "ɨ": "ɪ", "ʉ": "u", "ɯ": "ʊ", "ɤ": "ʌ", "ɘ": "ə", "ɵ": "ʊ"},
    **{"ɞ": "ɜ", "ɚ": "əɹ", "ɝ": "ɜɹ", "ᵻ": "ɪ", "ε": "ɛ"},
    # ligatures
    **{"ʦ": "ts", "ʣ": "dz", "ʧ": "tʃ", "ʤ": "dʒ", "ʨ": "tʃ", "ʥ": "dʒ"},
}
_PALATAL = {"c": "tj", "ɟ": "dj"}  # ť, ty; ď, gy
_SPIRANTS = {"β": "b", "ð": "d", "ɣ": "ɡ"}  # b, d and g between vowels
BY_LANGUAGE: dict[str, Mapping[str, str]] = {  # ISO 639-3 -> the entries that differ from NEAREST
    **dict.fromkeys(("ces", "slk", "hun", "pol", "slv", "lav"), _PALATAL),
    "hbs": _PALATAL | {"æ": "a"},  # as espeak transcribes it
    **dict.fromkeys(("cat", "glg", "eus"), _SPIRANTS),
    "spa": _SPIRANTS | {"x": "h", "χ": "h", "ɟ": "j"},
    "por": _SPIRANTS | {"χ": "h", "x": "h", "ɨ": "ə"},
    "vie": {"c": "tʃ", "β": "v"},
    "tur": {"ɯ": "ə"},
    "aze": {"ɯ": "ə"},
    "est": {"ɤ": "ɜ"},
    "tha": {"ɤ": "ɜ"},
    "eng": {"ç": "h", "ɾ": "ɾ", "ʔ": "ʔ", "ʍ": "ʍ", "ʉ": "u", "ɵ": "ʊ"},
    "jpn": {"ç": "h", "ɯ": "u", "ɰ": "", "ʁ": "ɹ"},
    "kor": {"ç": "h", "ɰ": "", "β": "h", "x": "h"},
    "isl": {"ç": "h"},
    "gle": {"ç": "h"},
    "ind": {"x": "h"},
    "fas": {"ɣ": "ɡ", "ɢ": "ɡ"},
}
_VOWELS = "aɐɑæɒeɛɜəiɪoɔuʊʌ"
_NASALS = "mnŋ"
_PHONE = re.compile("|".join(sorted(PHONES, key=len, reverse=True)))
# A glide after a vowel, and not before another, is the end of an English diphthong: [ej] is /eɪ/.
_OFFGLIDE = [
    (re.compile(f"(?<=[{_VOWELS}])j(?![{_VOWELS}])"), "ɪ"),
    (re.compile(f"(?<=[{_VOWELS}])w(?![{_VOWELS}])"), "ʊ"),
]
_NON_SYLLABIC = {"i": "j", "ɪ": "j", "e": "j", "y": "w", "u": "w", "ʊ": "w", "o": "w", "ʏ": "w"}


def assimilate(ipa: str, language: str = "") -> Phones:
    """The phones that an English listener perceives in ``ipa``, which transcribes ``language`` (ISO 639-3; "" for any).

    Raises PhoneError for a symbol that is not in the tables, naming it, and for a transcription without any sound.
    """
    table = {**NEAREST, **BY_LANGUAGE.get(language, {})}
    plain = unicodedata.normalize("NFD", ipa).replace("c\u0327", "ç")
    plain = re.sub("(?<=[ŋk])\u0361[mp]", "", plain)  # Vietnamese finals with the lips also closed
    english = ""
    nasal = False  # whether a nasal vowel awaits the next sound
    symbols = [found for found in re.findall(r".[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff]*", plain) if _counts(found)]
    for symbol in symbols:
        base, marks = symbol[0], symbol[1:]
        sound = table.get(base, base)
        if any(mark in SYLLABIC for mark in marks) and sound not in tuple(_VOWELS):
            sound = "ə" + sound
        if "\u032f" in marks:
            sound = _NON_SYLLABIC.get(base, sound)
        if nasal and not (NASAL in marks and sound in ("j", "w", *_VOWELS)):
            english += _nasal_before(sound)
            nasal = False
        if sound and not all(phone in PHONES for phone in _split(sound)):
            place = ipa.find(base) + 1
            raise PhoneError(f"/{ipa}/: {base!r} (character {place}) is in no table of speech/text/assimilation.py")
        english += sound
        nasal = nasal or (NASAL in marks and sound in ("j", "w", *_VOWELS))
    if nasal:
        english += "n"
    for glide, vowel in _OFFGLIDE:
        english = glide.sub(vowel, english)
    english = re.sub(r"(.)\1+", r"\1", english)
    if not english:
        raise PhoneError(f"/{ipa}/ has no sound in it")
    return phones(english)


def _counts(symbol: str) -> bool:
    """Whether the base is a sound: no space, tone, length or stress, and no superscript except for prenasalisation."""
    base = symbol[0]
    if base in NEAREST:
        return True
    return unicodedata.category(base) in ("Ll", "Lo", "Lu")


def _split(sound: str) -> list[str]:
    return _PHONE.findall(sound) if "".join(_PHONE.findall(sound)) == sound else [sound]


def _nasal_before(sound: str) -> str:
    """The nasal consonant that English listeners perceive after a nasal vowel, at the place of the next sound."""
    if sound[:1] in tuple(_NASALS):
        return ""
    return "m" if sound[:1] in ("p", "b") else "ŋ" if sound[:1] in ("k", "ɡ") else "n"
