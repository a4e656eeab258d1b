"""Names of many languages, each with the pronunciations of its own."""

import sys
from types import ModuleType

import pytest

from speech.data.foreign_names import foreign_names
from speech.text.mnemonics import to_mnemonics
from speech.text.phones import VOWELS, phones

POLISH = {"name": "pol", "espeak": "pl", "locales": ["pl_PL"]}
TURKISH = {"name": "tur", "espeak": "tr", "locales": ["tr_TR"]}
NAMES = {"pl_PL": ["Mateusz", "Łucja", "Jerzy", "Anna"], "tr_TR": ["Can", "Anna"]}


@pytest.fixture(autouse=True)
def locales(monkeypatch):
    """faker's modules of two locales, of the names above."""
    for locale, names in NAMES.items():
        module = ModuleType(locale)
        module.Provider = type("Provider", (), {"first_names": names})
        monkeypatch.setitem(sys.modules, f"faker.providers.person.{locale}", module)


def ways(n=5, exclude=(), seed=0, n_phrases=0):
    return {str(name): name.say for name in foreign_names([POLISH, TURKISH], n, exclude, seed, n_phrases)}


def test_a_name_is_said_as_its_own_language_reads_it():
    found = ways()
    assert set(found) == {"Mateusz", "Łucja", "Jerzy", "Anna", "Can"}
    assert {"".join(phones(way[1:-1])) for way in found["Mateusz"]} == {"matɛuʃ"}
    assert {"".join(phones(way[1:-1])) for way in found["Can"]} == {"dʒan"}
    assert len(found["Anna"]) == 2, "one of each language"


def test_every_pronunciation_can_be_spoken_and_has_one_stressed_vowel():
    for way in (way for some in ways(n_phrases=3).values() for way in some):
        assert to_mnemonics(way).startswith("[[")
        for word in way.strip("/").split():
            before, _, stressed = word.partition("ˈ")
            assert stressed[0] in VOWELS, before


def test_phrases_are_of_two_of_the_names():
    found = ways(n=5, n_phrases=4)
    phrases = [text.split() for text in found if " " in text]
    assert len(phrases) == 4
    assert {part for phrase in phrases for part in phrase} <= set(found)


def test_what_a_recogniser_is_tested_on_is_left_out():
    assert set(ways(n=3, exclude=["Lucja", "Anna"])) == {"Mateusz", "Jerzy", "Can"}
    with pytest.raises(ValueError, match="5 foreign names asked for, only 3 available"):
        ways(n=5, exclude=["Lucja", "Anna"])


def test_the_seed_draws_them():
    assert ways(n=3, n_phrases=2, seed=1) == ways(n=3, n_phrases=2, seed=1)
    assert len({tuple(ways(n=3, seed=seed)) for seed in range(5)}) > 1
