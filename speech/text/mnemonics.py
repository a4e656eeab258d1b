"""IPA in espeak-ng's own phoneme mnemonics for English (espeak-ng, docs/phonemes.md)."""

from __future__ import annotations

from speech.text.names import is_ipa

# IPA -> mnemonic. Each accent has its own sound for a mnemonic.
MNEMONICS = {
    **{"iː": "i:", "i": "i", "ɪ": "I", "ᵻ": "I#", "e": "e", "ɛ": "E", "æ": "a", "a": "a", "aː": "aa", "ɑː": "A:"},
    **{"ɑ": "A:", "ɒ": "0", "ɔː": "O:", "ɔ": "O", "ʌ": "V", "ʊ": "U", "uː": "u:", "u": "u:", "ʉ": "u:", "ʉː": "u:"},
    **{"ɜː": "3:", "ɜ": "3:", "ɝ": "3:", "ə": "@", "ɚ": "3", "ɐ": "a#", "eː": "eI", "ɛː": "e@", "oː": "oU", "o": "oU"},
    **{"eɪ": "eI", "aɪ": "aI", "ɔɪ": "OI", "aʊ": "aU", "əʊ": "oU", "oʊ": "oU", "ɪə": "i@", "eə": "e@", "ʊə": "U@"},
    **{"t\u0361ʃ": "tS", "d\u0361ʒ": "dZ", "tʃ": "tS", "dʒ": "dZ", "ʧ": "tS", "ʤ": "dZ", "θ": "T", "ð": "D", "ʃ": "S"},
    **{"ʒ": "Z", "ŋ": "N", "ɡ": "g", "g": "g", "ɹ": "r", "r": "r", "ɾ": "t", "ɫ": "l", "x": "x", "ʔ": "?", "ʍ": "w"},
    **{"ɲ": "nj", "ʎ": "lj", "n\u0329": "@n", "l\u0329": "@l", "m\u0329": "@m"},
    **{letter: letter for letter in "pbtdkfvszhmnlwj"},
    **{"ˈ": "'", "ˌ": ",", ".": "", " ": " "},
}
_LONGEST = max(map(len, MNEMONICS))


class PronunciationError(ValueError):
    """A pronunciation has a symbol that no English voice has; the message names the symbol and its place."""


def to_mnemonics(text: str) -> str:
    """The input of espeak for ``text``: letters unchanged, IPA between slashes as mnemonics, ``[[SIv'O:n]]``.

    Raises PronunciationError for a symbol that is not in MNEMONICS.
    """
    if not is_ipa(text):
        return text
    ipa, at = text[1:-1], 0
    found: list[str] = []
    while at < len(ipa):
        symbol = next((ipa[at : at + n] for n in range(_LONGEST, 0, -1) if ipa[at : at + n] in MNEMONICS), None)
        if symbol is None:
            known = " ".join(sorted(set("".join(MNEMONICS)) - set(" \u0361\u0329")))  # without the combining marks
            raise PronunciationError(
                f"{text}: {ipa[at]!r}, character {at + 1}, is not a sound of the English voices: write it with {known}"
            )
        found.append(MNEMONICS[symbol])
        at += len(symbol)
    return f"[[{'|'.join(filter(None, found))}]]".replace("'|", "'").replace(",|", ",")
