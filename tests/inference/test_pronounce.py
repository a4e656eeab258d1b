"""Pronunciations of names with their probabilities: a name's own, the dictionary's, the model's."""

import pytest

from speech.inference.pronounce import pronounce
from speech.text.lexicon import dictionary, look_up
from speech.text.names import Name
from speech.text.phones import PhoneError, phones

NAMES = ["Martin", "Siobhan", "Mary Ann", "Xqzv", "Nguyễn", Name("Niamh", ["neev", "/niːəv/"])]


def best(name):
    return pronounce([name])[0][0].phones


def test_the_probabilities_of_a_name_sum_to_one_and_fall():
    for some in pronounce(NAMES):
        assert sum(one.probability for one in some) == pytest.approx(1)
        assert [one.probability for one in some] == sorted((one.probability for one in some), reverse=True)
        assert len({one.phones for one in some}) == len(some)


def test_irregular_words_of_english_are_the_dictionarys():
    assert [best(word) for word in ("one", "two", "eight")] == [phones("wʌn"), phones("tu"), phones("eɪt")]


def test_a_full_name_has_the_pronunciations_of_its_words_in_order():
    assert best("Mary Ann") == best("Mary") + best("Ann")


@pytest.mark.parametrize(
    ("name", "plain"),
    [("O’Connor", "O'Connor"), ("Anne–Marie", "Anne-Marie"), ("Mary_Ann", "Mary Ann"), ("Voß", "Voss")],
)
def test_a_word_is_looked_up_however_its_apostrophe_or_hyphen_is_written(name, plain):
    assert best(name) == best(plain)


def test_two_capitals_that_are_no_word_are_initials():
    assert best("TJ") == best("T J") == phones("tidʒeɪ")
    assert best("Mary KC") == best("Mary K C")
    assert best("LI") == best("Li") != best("L I")
    assert best("Tj") != best("T J")


def test_a_names_own_pronunciations_come_in_place_of_all_others():
    (found,) = pronounce([Name("Niamh", ["/niv/"])])
    assert [(one.phones, one.probability) for one in found] == [(phones("niv"), 1.0)]
    both = {one.phones: one.probability for one in pronounce([NAMES[-1]])[0]}
    assert both[phones("niəv")] >= 0.5
    with pytest.raises(PhoneError):
        pronounce([Name("Niamh", ["/ʘ/"])])


def test_names_are_pronounced_alike_alone_and_in_a_list():
    for name, among in zip(NAMES, pronounce(NAMES), strict=True):
        alone = {one.phones: one.probability for one in pronounce([name])[0]}
        assert alone == pytest.approx({one.phones: one.probability for one in among}, abs=1e-5)


def test_a_word_is_looked_up_as_in_the_whole_dictionary():
    """Two words of the dictionary stand out of their order."""
    words = [*list(dictionary())[::40], "sepulveda", "sepultura", "stilton", "stilted", "a", "read", "'bout"]
    assert [word for word in words if look_up(word) != dictionary()[word]] == []
    assert not any(map(look_up, ["", "zzz", "é", "~", "a("]))
