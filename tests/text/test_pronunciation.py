"""How names are said: the accents' ways, a name's own, and that espeak is asked for nothing else."""

import pytest

from speech.text import espeak, pronunciation
from speech.text.espeak import ACCENTS
from speech.text.names import Name
from speech.text.phones import phones
from speech.text.pronunciation import USUAL, phonemize, pronunciations


def test_the_usual_accent_comes_first_and_each_way_once():
    names = ["Martin", "Chloé", "Bath", "Jean-Luc"]
    for name, found in zip(names, pronunciations(names), strict=True):
        assert found[0] == phones(espeak.phonemes(name, USUAL))
        assert len(set(found)) == len(found) <= len(ACCENTS)
        assert set(found) == {phones(espeak.phonemes(name, accent)) for accent in ACCENTS.values()}


def test_two_accents_that_differ_give_two_ways_and_two_that_agree_one():
    (bath, bee) = pronunciations(["Martin", "Bee"])
    assert phonemize("Martin", "en-US") != phonemize("Martin", "en-GB")
    assert {phonemize("Martin", "en-US"), phonemize("Martin", "en-GB")} <= set(bath)
    assert phonemize("Bee", "en-US") == phonemize("Bee", "en-GB")
    assert len(bee) < len(ACCENTS)


def test_a_names_own_ways_stand_in_the_place_of_its_reading():
    siobhan, plain = pronunciations([Name("Niamh", ["neev", "/niːəv/"]), "Niamh"])
    assert siobhan[0] == phonemize("neev") == phones("niv")
    assert phones("niəv") in siobhan
    assert phonemize("Niamh") not in siobhan
    assert phonemize("Niamh") in plain


def test_ipa_between_slashes_is_said_with_those_phones():
    assert phonemize("/ʃɪˈvɔːn/") == ("ʃ", "ɪ", "v", "ɔ", "n")
    assert phonemize("/ˈmɑːtɪn/", "en-GB") == phones("mɑtɪn")


@pytest.mark.parametrize("accent", ["", "de", "en-XX", "unknown"])
def test_an_accent_that_espeak_does_not_have_is_the_usual_one(accent):
    assert phonemize("Martin", accent) == phonemize("Martin", USUAL) == phonemize("Martin")
    assert phonemize("Martin", "en-GB") != phonemize("Martin", USUAL)


def test_a_name_is_said_alike_whatever_was_said_before():
    names = ["Martin", "St Jude", "Anna", "O'Brien", "X"]
    before = pronunciations(names)
    pronunciation.phonemize.cache_clear()
    assert pronunciations(names[::-1]) == before[::-1]


def test_no_names_have_no_ways():
    assert pronunciations([]) == []


def test_a_text_of_two_clauses_is_read_to_its_end_and_leaves_nothing_to_the_next():
    alone = espeak.phonemes("ex", "en-US")
    assert phones(espeak.phonemes("St. John", "en-US"))[-3:] == phones("dʒɑn")
    assert espeak.phonemes("ex", "en-US") == alone
