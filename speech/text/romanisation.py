"""Names of other scripts in Latin letters, with their sounds: pinyin, romaji, Hangul, Cyrillic, Greek, Indic, Arabic.

There are two directions. ``pinyin`` and ``romaji`` read a spelling and give its IPA. The others write: ``hangul`` gives
spellings and IPA of Korean letters, and ``transliterate`` converts Cyrillic, Greek or kana letter by letter.
``romanise`` spells the IPA of languages whose script omits vowels (Arabic, Persian, Hebrew) or is romanised by ear
(Hindi and its neighbours) as people spell their own names: not by one standard, but in the usual variants.

Sources: Hanyu Pinyin (ISO 7098) with the sounds of S. Duanmu, "The Phonology of Standard Chinese" (2007); Hepburn
romaji (ISO 3602's alternative); the Revised Romanisation of Korean (2000) and the customary spellings of names;
BGN/PCGN for Cyrillic; ELOT 743 for Greek; for the others the spellings of passports (ICAO 9303), the Hunterian system.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_INITIALS = {
    **{"b": "p", "p": "pʰ", "m": "m", "f": "f", "d": "t", "t": "tʰ", "n": "n", "l": "l", "g": "k", "k": "kʰ"},
    **{"h": "h", "j": "tɕ", "q": "tɕ", "x": "ɕ", "zh": "tʂ", "ch": "tʂ", "sh": "ʂ", "r": "ɻ", "z": "ts", "c": "ts"},
    **{"s": "s", "y": "j", "w": "w", "": ""},
}
_VOICED = {"b": "b", "d": "d", "g": "ɡ", "j": "dʒ", "zh": "dʒ", "z": "dz"}  # unaspirated: voiced to an English ear
_FINALS = {
    **{"a": "a", "ai": "aɪ", "an": "an", "ang": "ɑŋ", "ao": "aʊ", "e": "ɤ", "ei": "eɪ", "en": "ən", "eng": "əŋ"},
    **{"er": "ɑɻ", "i": "i", "ia": "ja", "ian": "jɛn", "iang": "jɑŋ", "iao": "jaʊ", "ie": "jɛ", "in": "in"},
    **{"ing": "iŋ", "iong": "jʊŋ", "iu": "joʊ", "o": "wɔ", "ong": "ʊŋ", "ou": "oʊ", "u": "u", "ua": "wa"},
    **{"uai": "waɪ", "uan": "wan", "uang": "wɑŋ", "ui": "weɪ", "un": "wən", "uo": "wɔ", "ü": "y", "v": "y"},
    **{"üe": "ɥɛ", "ue": "ɥɛ", "üan": "ɥɛn", "ün": "yn"},
}
_AFTER_J = {"u": "y", "uan": "ɥɛn", "un": "yn", "ue": "ɥɛ"}  # ju is jü
_AFTER_Y = {"a": "ja", "an": "jɛn", "ang": "jɑŋ", "ao": "jaʊ", "e": "jɛ", "i": "i", "in": "in", "ing": "iŋ"}
_AFTER_Y |= {"o": "jɔ", "ong": "jʊŋ", "ou": "joʊ", "u": "y", "uan": "ɥɛn", "ue": "ɥɛ", "un": "yn"}
_AFTER_W = {"a": "wa", "ai": "waɪ", "an": "wan", "ang": "wɑŋ", "ei": "weɪ", "en": "wən", "eng": "wəŋ", "o": "wɔ"}
_AFTER_W |= {"u": "u"}


def _syllable(initial: str, final: str) -> str | None:
    if initial == "y" or initial == "w":
        return (_AFTER_Y if initial == "y" else _AFTER_W).get(final)
    onset = _VOICED.get(initial, _INITIALS[initial])
    if initial in ("j", "q", "x"):
        rest = _AFTER_J.get(final, _FINALS[final])
        return onset + rest if rest[0] in "ijyɥ" else None
    if final == "i" and initial in ("zh", "ch", "sh", "r", "z", "c", "s"):
        return onset + ("ɨ" if initial in ("z", "c", "s") else "ɜ" if initial == "r" else "ɜɹ")
    if final in ("o",) and initial not in ("b", "p", "m", "f", ""):
        return None
    return onset + _FINALS[final]


def pinyin(word: str) -> str | None:
    """IPA of a word in pinyin, with or without tone marks; None for any other word."""
    plain = unicodedata.normalize("NFD", word.casefold())
    plain = unicodedata.normalize("NFC", re.sub("[\u0300\u0301\u0304\u030c']", "", plain))

    def read(rest: str) -> str | None:
        if not rest:
            return ""
        for initial in ("zh", "ch", "sh", *"bpmfdtnlgkhjqxrzcsyw", ""):
            if not rest.startswith(initial):
                continue
            for final in sorted(_FINALS, key=len, reverse=True):
                if rest.startswith(final, len(initial)):
                    sound = _syllable(initial, final)
                    after = None if sound is None else read(rest[len(initial) + len(final) :])
                    if sound is not None and after is not None:
                        return sound + after
        return None

    return read(plain) or None


_ROMAJI = {
    **{"ch": "tɕ", "sh": "ɕ", "ts": "ts", "j": "dʑ", "f": "ɸ", "y": "j", "r": "ɾ", "g": "ɡ", "z": "z", "w": "w"},
    **{"u": "u", "ō": "o", "ū": "u", "ou": "o", "oh": "o", "oo": "o", "uu": "u", "ei": "eɪ", "e": "e"},
    **{"kk": "k", "pp": "p", "tt": "t", "ss": "s", "tch": "tɕ", "ssh": "ɕ", "sch": "ɕ", "n'": "n"},
    **{plain: plain for plain in "kstnhmdbpaio"},
}
_ROMAJI_PART = re.compile("|".join(sorted(_ROMAJI, key=len, reverse=True)))


def romaji(word: str) -> str | None:
    """IPA of a word in Hepburn romaji; None for any other word."""
    plain = unicodedata.normalize("NFC", word.casefold())
    parts = _ROMAJI_PART.findall(plain)
    if "".join(parts) != plain or not re.search("[aeiouōū]", plain):
        return None
    ipa = "".join(_ROMAJI[part] for part in parts)
    # u between voiceless consonants, and at the end after s, is devoiced: [sɯ̥ke] sounds like /ske/
    return re.sub("(?<=[sɕ])u(?=[ktps])|(?<=s)u$", "", ipa)


# Initials: (spellings, IPA at the start of a word, IPA elsewhere); vowels and finals: (spellings, IPA).
_KOREAN_INITIALS = [
    (("g", "k"), "k", "ɡ"), (("kk",), "k", "k"), (("n",), "n", "n"), (("d",), "t", "d"), (("tt",), "t", "t"),
    (("r", "l"), "ɾ", "ɾ"), (("m",), "m", "m"), (("b", "p"), "p", "b"), (("pp",), "p", "p"), (("s",), "s", "s"),
    (("ss",), "s", "s"), (("",), "", ""), (("j",), "dʒ", "dʒ"), (("jj",), "tʃ", "tʃ"), (("ch",), "tʃ", "tʃ"),
    (("k",), "k", "k"), (("t",), "t", "t"), (("p",), "p", "p"), (("h",), "h", "h"),
]  # fmt: skip
_KOREAN_VOWELS = [
    (("a", "ah"), "a"), (("ae",), "ɛ"), (("ya",), "ja"), (("yae",), "jɛ"), (("eo", "u"), "ʌ"), (("e",), "e"),
    (("yeo", "you", "yu"), "jʌ"), (("ye",), "je"), (("o",), "o"), (("wa",), "wa"), (("wae",), "wɛ"), 
    (("oe", "oi"), "we"), (("yo",), "jo"),
    (("u", "oo"), "u"), (("wo", "weo"), "wʌ"), (("we",), "we"), (("wi",), "wi"), (("yu", "yoo"), "ju"),
    (("eu",), "ʊ"), (("ui", "ee"), "ɪi"), (("i", "ee"), "i"),
]  # fmt: skip
_KOREAN_FINALS = ["", *"kkknnntlkmlllplmpp", *"ttŋttktpt"]
_KOREAN_SURNAMES = {"김": "Kim", "이": "Lee", "박": "Park", "최": "Choi", "정": "Jung", "강": "Kang", "윤": "Yoon"}
_KOREAN_SURNAMES |= {"장": "Jang", "임": "Lim", "오": "Oh", "신": "Shin", "권": "Kwon", "황": "Hwang", "문": "Moon"}


def hangul(text: str) -> Iterator[tuple[str, str]]:
    """The standard and a customary spelling of a Korean name in Latin letters, each with its IPA."""
    syllables = [divmod(ord(letter) - 0xAC00, 28) for letter in text if 0xAC00 <= ord(letter) <= 0xD7A3]
    if len(syllables) != len(text) or not text:
        return
    for variant in (0, 1):
        spelling = ipa = ""
        for at, (both, final) in enumerate(syllables):
            initial, vowel = divmod(both, 21)
            spellings, first, elsewhere = _KOREAN_INITIALS[initial]
            vowels, sound = _KOREAN_VOWELS[vowel]
            end = _KOREAN_FINALS[final] if final < len(_KOREAN_FINALS) else ""
            spelling += spellings[min(variant, len(spellings) - 1)] + vowels[min(variant, len(vowels) - 1)]
            spelling += {"ŋ": "ng"}.get(end, end)
            ipa += (elsewhere if at else first) + sound + end
        if text in _KOREAN_SURNAMES and variant:
            spelling = _KOREAN_SURNAMES[text]
        yield spelling, ipa


_CYRILLIC = {
    **dict(zip("абвгдзийклмнопрстуф", "abvgdziyklmnoprstuf", strict=True)),
    **{"е": "e", "ё": "yo", "ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y"},
    **{"ь": "", "э": "e", "ю": "yu", "я": "ya", "є": "ye", "і": "i", "ї": "yi", "ґ": "g", "ў": "u", "ј": "j"},
    **{"љ": "lj", "њ": "nj", "ѓ": "gj", "ќ": "kj", "ѕ": "dz", "џ": "dzh"},
}
_LETTERS = {
    "rus": _CYRILLIC,
    "ukr": _CYRILLIC | {"г": "h", "и": "y", "й": "i"},
    "bel": _CYRILLIC | {"г": "h"},
    "bul": _CYRILLIC | {"щ": "sht", "ъ": "a", "х": "h"},
    "mkd": _CYRILLIC | {"х": "h"},
    "ell": {
        **dict(zip("αβγδεζηικλμνξοπρσςτυφχψω", [*"avgdeziiklmn", "x", *"oprssty", "f", "ch", "ps", "o"], strict=True)),
        **{"θ": "th", "ου": "ou", "αυ": "av", "ευ": "ev", "μπ": "b", "ντ": "nt", "γγ": "ng", "γκ": "gk"},
    },
}
_KANA = "アaイiウuエeオoカkaキkiクkuケkeコkoサsaシshiスsuセseソsoタtaチchiツtsuテteトto"
_KANA += "ナnaニniヌnuネneノnoハhaヒhiフfuヘheホhoマmaミmiムmuメmeモmoヤyaユyuヨyo"
_KANA += "ラraリriルruレreロroワwaヲoンnガgaギgiグguゲgeゴgoザzaジjiズzuゼzeゾzo"
_KANA += "ダdaヂjiヅzuデdeドdoバbaビbiブbuベbeボboパpaピpiプpuペpeポpo"
_SYLLABLES = dict(re.findall("([ア-ン])([a-z]+)", _KANA))


def transliterate(text: str, language: str) -> str | None:
    """Cyrillic, Greek or kana ``text`` in Latin letters, as for ``language`` (ISO 639-3); None for other letters."""
    if language == "jpn":
        return _kana(text)
    table = _LETTERS[language]
    plain = unicodedata.normalize("NFD", text.casefold())
    plain = unicodedata.normalize("NFC", re.sub("[\u0300\u0301]", "", plain))
    if language == "ell":
        plain = unicodedata.normalize("NFC", re.sub("\u0308", "", unicodedata.normalize("NFD", plain)))
    parts = re.findall("|".join(sorted(table, key=len, reverse=True)), plain)
    return "".join(table[part] for part in parts) if "".join(parts) == plain else None


def _kana(text: str) -> str | None:
    written = ""
    double = False
    for letter in "".join(chr(ord(c) + 0x60) if "ぁ" <= c <= "ゖ" else c for c in text):
        if letter in "ャュョ" and written.endswith("i"):
            written = written[:-1] + ("" if written[-3:-1] in ("sh", "ch") or written[-2] == "j" else "y")
            written += {"ャ": "a", "ュ": "u", "ョ": "o"}[letter]
        elif letter == "ッ":
            double = True
        elif letter == "ー":
            continue
        elif letter in _SYLLABLES:
            part = _SYLLABLES[letter]
            written += ("t" if part.startswith("ch") else part[0]) + part if double else part
            double = False
        else:
            return None
    return re.sub("(?<=o)[ou]|uu(?!$)", lambda found: found[0][1:], written)


_BY_EAR = {  # IPA -> spellings, the usual one first
    **{"t͡ʃ": "ch", "d͡ʒ": "j", "tʃ": "ch", "dʒ": "j", "ʃ": "sh", "ʂ": "sh", "ʒ": "zh", "ɕ": "sh", "t͡ɕ": "ch", "d͡ʑ": "j"},
    **{"x": "kh", "χ": "kh", "ɣ": "gh", "ʁ": "gh", "q": "q k", "ħ": "h", "ʕ": " a", "ʔ": "", "θ": "th", "ð": "dh z"},
    **{"j": "y", "ʋ": "v w", "ʋː": "vv", "ɲ": "n", "ŋ": "n", "ɴ": "n", "ɳ": "n", "ɾ": "r", "ɹ": "r", "ɽ": "r d"},
    **{"ʈ": "t", "ɖ": "d", "ɭ": "l", "ɫ": "l", "ɻ": "zh l", "ɦ": "h", "ʰ": "h", "ʱ": "h", "ɡ": "g", "ɢ": "gh"},
    **{"aː": "a aa", "ɑː": "a aa", "äː": "a aa", "ɑ": "a", "ɒː": "a aa", "ɒ": "a", "ə": "a", "ʌ": "a", "ʌː": "a"},
    **{"ɐ": "a", "ɐː": "a", "iː": "i ee", "uː": "u oo", "eː": "e", "oː": "o", "ɪ": "i", "ʊ": "u", "ɨ": "i", "ɯ": "u"},
    **{"ɛː": "ai e", "ɛ": "e", "ɔː": "au o", "ɔ": "o", "æ": "a", "aj": "ai ay", "aw": "au aw", "ej": "ei ey"},
    **{"ow": "ow o", "e": "e i", "c": "ch", **{plain: plain for plain in "pbtdkmnfvszhlrwaiou"}},
}
_HEARD_PART = re.compile("|".join(sorted(_BY_EAR, key=len, reverse=True)) + "|(?P<double>ː)|(?P<other>.)")


def romanise(ipa: str) -> list[str]:
    """At most two spellings of ``ipa`` by ear; none if a symbol is unknown; pʰ is written ph."""
    plain = unicodedata.normalize("NFC", re.sub("[ˈˌ.ˤ ̪̞̟̠̚‿]", "", unicodedata.normalize("NFD", ipa)))
    plain = plain.replace("\u0303", "n") if "\u0303" in plain else plain
    plain = re.sub("[ãĩũẽõ]", lambda v: unicodedata.normalize("NFD", v[0])[0] + "n", plain).replace("ä", "a")
    usual = other = ""
    for part in _HEARD_PART.finditer(plain):
        if part["other"]:
            return []
        if part["double"]:
            usual, other = usual + usual[-1:], other + other[-1:]
            continue
        spellings = _BY_EAR[part[0]].split(" ")
        usual, other = usual + spellings[0], other + spellings[-1]
    return list(dict.fromkeys(filter(None, (usual, other))))
