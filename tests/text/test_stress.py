import numpy as np
import pytest

from speech.text.phones import VOWELS, phones
from speech.text.stress import to_ipa


def test_one_vowel_is_stressed_most_often_the_last_but_one():
    rng, matilda = np.random.default_rng(0), ("m", "a", "t", "ɪ", "l", "d", "a")
    drawn = [to_ipa(matilda, rng) for _ in range(200)]
    assert {phones(ipa[1:-1]) for ipa in drawn} == {matilda}
    stressed = [ipa.partition("ˈ")[2][0] + str(ipa.index("ˈ")) for ipa in drawn]
    assert {letter for letter, _ in stressed} <= VOWELS
    assert max(set(stressed), key=stressed.count) == "ɪ4"


@pytest.mark.parametrize(("some", "ipa"), [(("b", "o"), "/bˈo/"), (("p", "s", "t"), "/pst/"), (("t̪", "a"), None)])
def test_a_word_of_one_vowel_of_none_and_one_that_no_voice_says(some, ipa):
    assert to_ipa(some, np.random.default_rng(0)) == ipa
