"""Words with their pronunciations in many languages: the training data of a grapheme-to-phoneme model.

Sources, each optional: WikiPron's tables (CC BY-SA, from Wiktionary; ``WORD<tab>IPA``), CMUdict's data (BSD), and the
names of people in faker's locales (MIT), read by espeak-ng in their own language. Words in other scripts are romanised
(``speech.text.romanisation``). All IPA is mapped to the phones that an English listener would perceive
(``speech.text.assimilation``). Words with unreadable IPA, or with more phones than frames, are left out and counted.
"""

from __future__ import annotations

import csv
import importlib
import itertools
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from speech.data.source import CorpusError
from speech.text import espeak, lexicon, romanisation, word_lists
from speech.text.alphabet import TextError
from speech.text.assimilation import assimilate
from speech.text.phones import PhoneError, Phones
from speech.text.spelling import Word, encode, folded, words

FREQUENT, PERSON, CAPITALISED, COMMON = range(4)  # frequent names of people, their other names, other names, words
MOST_FREQUENT_NAMES = 2000  # given names of the US census: the most common in lists, and the most irregularly spelt
CAPITALS_FOR_NOUNS = {"deu", "ltz"}
MOST_COMMON_WORDS = 15_000  # per table, chosen by a hash: enough for the spelling rules, since many forms are inflected
LONGEST = 20  # letters
_NAME_LISTS = ("first_names", "last_names", "middle_names", "first_romanized_names", "last_romanized_names")


@dataclass(frozen=True)
class Variety:
    """A language, or one of its accents, and the sources of its words (conf/g2p.yaml)."""

    name: str  # ISO 639-3, and an accent after "_"
    tables: Sequence[str] = ()  # WikiPron's, without .tsv
    espeak: str = ""  # the voice that reads the names of `locales`
    locales: Sequence[str] = ()  # faker's
    script: str = ""  # "": Latin; letters, by_ear, pinyin, romaji, hangul: functions of speech.text.romanisation
    cmudict: bool = False
    weight: float = 1.0  # how much more often its words are drawn than by its size

    @property
    def language(self) -> str:
        return self.name.partition("_")[0]


@dataclass
class Entry:
    """A word in a variety."""

    text: str
    word: Word
    variety: int
    kind: int
    readings: list[Phones] = field(default_factory=list)


@dataclass
class Pronunciations:
    """The entries for training and for development, and how many were left out, for each reason."""

    train: list[Entry]
    development: list[Entry]
    refused: Counter[str]


def held_out_names(path: str | Path | None) -> set[str]:
    """The folded spellings in the column ``name`` of a table, each word of a name separately. Raises CorpusError."""
    if path is None:
        return set()
    try:
        with Path(path).expanduser().open(encoding="utf-8", newline="") as file:
            names = [row["name"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise CorpusError(f"held_out={path}: no table with a column 'name' ({error})") from error
    return {folded(word) for name in names for word in words(name)}


def read(
    varieties: Sequence[Variety],
    wikipron: str | Path | None,
    held_out: set[str],
    n_development: int,
    frames_per_letter: int,
) -> Pronunciations:
    """All words of ``varieties`` except those in ``held_out``; one name in ``n_development`` is for development.

    Raises CorpusError for a missing table, and if there are no words at all.
    """
    names = _Names()
    people = {folded(name) for variety in varieties for name in names.of(variety) if name.isascii() or variety.espeak}
    found: dict[tuple[str, int], Entry] = {}
    refused: Counter[str] = Counter()
    for number, variety in enumerate(varieties):
        for text, ipa, known in _written(variety, wikipron, names):
            if known == PERSON:
                people.add(folded(text))
            try:
                word = encode(text)
                reading = ipa if isinstance(ipa, tuple) else assimilate(ipa, variety.language)
            except (PhoneError, TextError) as error:
                refused["unreadable IPA" if isinstance(error, PhoneError) else "unreadable letters"] += 1
                continue
            n_needed = len(reading) + sum(a == b for a, b in itertools.pairwise(reading))
            n_letters = len(word[0])
            if n_letters > LONGEST or n_needed > frames_per_letter * n_letters or 4 * len(reading) < n_letters:
                refused["too long"] += 1
                continue
            key = (text.lower(), number)
            capital = text[:1].isupper() and text[1:].islower() and variety.language not in CAPITALS_FOR_NOUNS
            kind = min(known, PERSON if folded(text) in people else CAPITALISED if capital else COMMON)
            entry = found.setdefault(key, Entry(text, word, number, kind))
            entry.kind = min(entry.kind, kind)
            if reading not in entry.readings:
                entry.readings.append(reading)
    train: list[Entry] = []
    development: list[Entry] = []
    for entry in found.values():
        plain = folded(entry.text)
        if plain in held_out:
            refused["held out"] += 1
        elif plain in people and zlib.crc32(plain.encode()) % n_development == 0:
            development.append(entry)
        else:
            train.append(entry)
    if not train:
        raise CorpusError("no words to train on: give wikipron=DIR, or a variety with cmudict or faker's locales")
    return Pronunciations(train, development, refused)


def _written(variety: Variety, wikipron: str | Path | None, names: _Names) -> Iterator[tuple[str, str | Phones, int]]:
    """Words of ``variety`` in Latin letters, with IPA (or phones) and kind. espeak reads names that no table has."""
    seen: set[str] = set()
    for table in variety.tables if wikipron is not None else ():
        rows = list(_table(Path(wikipron or "").expanduser() / f"{table}.tsv"))
        common = sum(not text[:1].isupper() for text, _ in rows)
        for text, ipa in rows:
            chosen = text[:1].isupper() or zlib.crc32(text.encode()) % max(common, 1) < MOST_COMMON_WORDS
            if not chosen and folded(text) not in names.everyone:
                continue
            for spelling in _in_latin(text, ipa, variety):
                seen.add(spelling.lower())
                yield spelling, ipa, COMMON
    if variety.cmudict:
        frequent = set(word_lists.common_names()[:MOST_FREQUENT_NAMES])
        for text, readings in lexicon.dictionary().items():
            # Words that a dictionary of common words lacks are mostly names.
            kind = COMMON if text in seen else CAPITALISED
            kind = FREQUENT if text in frequent else kind
            for reading in readings:
                if text.replace("'", "").isalpha() and not text.endswith("'s"):
                    yield text, reading, kind
            seen.add(text)
    for name in names.of(variety):
        for text, ipa in _read_name(name, variety) if name.lower() not in seen else ():
            yield text, ipa, PERSON


def _table(path: Path) -> Iterator[tuple[str, str]]:
    if not path.is_file():
        raise CorpusError(f"{path}: no such table: wikipron= is the folder data/scrape/tsv of CUNY-CL/wikipron")
    for line in path.read_text(encoding="utf-8").splitlines():
        text, _, ipa = line.partition("\t")
        if len(text) > 1 and text[0].isalpha() and words(text) == [text.lower()] and not text.isupper():
            yield text, ipa.replace(" ", "")


def _in_latin(text: str, ipa: str, variety: Variety) -> Iterable[str]:
    if variety.script in ("letters", "romaji"):
        return filter(None, [romanisation.transliterate(text, variety.language)])
    return romanisation.romanise(ipa) if variety.script == "by_ear" else [text]


def _read_name(name: str, variety: Variety) -> Iterator[tuple[str, str]]:
    """Spellings of ``name`` in Latin letters, each with its IPA."""
    if variety.script == "hangul":
        yield from romanisation.hangul(name)
    elif variety.script in ("pinyin", "romaji"):
        ipa = (romanisation.pinyin if variety.script == "pinyin" else romanisation.romaji)(name)
        if ipa is not None:
            yield name, ipa
    elif variety.espeak:
        read_aloud = espeak.phonemes_of_language(name, variety.espeak)
        if read_aloud is not None:
            for spelling in _in_latin(name, read_aloud, variety):
                yield spelling, read_aloud


class _Names:
    """The names of people in faker's locales. Raises CorpusError if faker is not installed."""

    def __init__(self) -> None:
        self._of: dict[str, list[str]] = {}
        self.everyone: set[str] = set()

    def of(self, variety: Variety) -> list[str]:
        """The names that are single words, each once, in the script of the locale."""
        return list(dict.fromkeys(name for locale in variety.locales for name in self._locale(locale)))

    def _locale(self, locale: str) -> list[str]:
        if locale not in self._of:
            try:
                provider: Any = importlib.import_module(f"faker.providers.person.{locale}").Provider
            except ModuleNotFoundError as error:
                raise CorpusError(f"some locales of faker do not exist ({error}): pip install faker") from error
            lists = [getattr(provider, key) for key in sorted(dir(provider)) if key.startswith(_NAME_LISTS)]
            flat = (name for some in lists if isinstance(some, Iterable) for name in some)
            single = [name for name in flat if isinstance(name, str) and len(name) > 1 and len(words(name)) == 1]
            if locale in ("zh_CN", "ja_JP"):  # these have names in their own script too
                single = [name for name in single if name.isascii()]
            self._of[locale] = list(dict.fromkeys(single))
            self.everyone |= {folded(name) for name in self._of[locale]}
        return self._of[locale]


def varieties_of(config: Sequence[Mapping[str, Any]]) -> list[Variety]:
    """The varieties of conf/g2p.yaml."""
    return [Variety(**settings) for settings in config]
