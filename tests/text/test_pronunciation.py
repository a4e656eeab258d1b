import pytest

from speech.text import espeak
from speech.text.espeak import ACCENTS
from speech.text.names import Name
from speech.text.phones import phones
from speech.text.pronunciation import USUAL, phonemize, pronunciations


@pytest.mark.parametrize("name", ["Martin", "Chloé", "Bath", "Bee", "Jean-Luc"])
def test_a_name_has_its_distinct_pronunciations_the_usual_one_first(name):
    found = [one.phones for one in pronunciations([name])[0]]
    assert found[0] == phones(espeak.phonemes(name, USUAL)) == phonemize(name)
    assert len(set(found)) == len(found)
    assert set(found) == {phones(espeak.phonemes(name, accent)) for accent in ACCENTS.values()}


def test_accents_differ_in_some_names_and_agree_in_others():
    assert phonemize("Martin", "en-US") != phonemize("Martin", "en-GB")
    assert phonemize("Bee", "en-US") == phonemize("Bee", "en-GB")
    assert len(pronunciations(["Bee"])[0]) < len(ACCENTS)


def test_given_pronunciations_replace_the_conversion_of_the_name():
    listed = pronunciations([Name("Niamh", ["neev", "/niːəv/"]), "Niamh"])
    given, plain = ([one.phones for one in some] for some in listed)
    assert given[0] == phonemize("neev") == phones("niv")
    assert phones("niəv") in given
    assert phonemize("Niamh") not in given
    assert phonemize("Niamh") in plain


def test_ipa_between_slashes_has_its_own_phones():
    assert phonemize("/ʃɪˈvɔːn/") == ("ʃ", "ɪ", "v", "ɔ", "n")
    assert phonemize("/ˈmɑːtɪn/", "en-GB") == phones("mɑtɪn")


@pytest.mark.parametrize("accent", ["", "de", "en-XX", "unknown"])
def test_an_accent_that_espeak_lacks_is_the_usual_one(accent):
    assert phonemize("Martin", accent) == phonemize("Martin", USUAL)


def test_pronunciations_do_not_depend_on_earlier_calls():
    names = ["Martin", "St Jude", "Anna", "O'Brien", "X"]
    before = pronunciations(names)
    phonemize.cache_clear()
    assert pronunciations(names[::-1]) == before[::-1]


def test_no_names_have_no_pronunciations():
    assert pronunciations([]) == []


def test_a_pronunciations_probability_is_the_proportion_of_its_accents():
    (found,) = pronunciations(["Martin"])
    assert sum(one.probability for one in found) == pytest.approx(1)
    for one in found:
        n_accents = sum(phones(espeak.phonemes("Martin", accent)) == one.phones for accent in ACCENTS.values())
        assert one.probability == n_accents / len(ACCENTS)
