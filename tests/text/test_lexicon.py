import itertools
import re

import pytest

from speech.text import lexicon
from speech.text.lexicon import dictionary, open_words


def sounds(word):
    return set(dictionary()[word])


def test_open_words_are_distinct_to_the_eye_and_to_the_ear():
    words = open_words(3000)
    assert len(set(words)) == 3000
    heard = [said for word in words for said in sounds(word)]
    assert len(heard) == len(set(heard)), "two of them are said alike"
    assert all(re.fullmatch("[a-z']{2,12}", word) for word in words)
    assert {"fbi", "tv", "mr"}.isdisjoint(words)


@pytest.mark.parametrize(("name", "gone"), [("Steven", {"stephen", "steven"}), ("Marq", {"mark", "marc"})])
def test_nothing_said_like_an_excluded_name_is_given(name, gone):
    """Marq is not in the dictionary: espeak says it."""
    left = set(open_words(2000, exclude=[name]))
    assert not gone & left
    assert gone & set(open_words(2000, exclude=["Bob"])), "there was nothing to exclude"
    assert {"mary", "michael"} <= set(
        lexicon._distinct_sounds(lexicon.common_names(), set(), lexicon._pronunciations_of([name]))
    )


@pytest.mark.parametrize(
    ("way", "gone"),
    [
        ("ben", {"ben"}),
        ("Ben", {"ben"}),
        ("/bɛn/", {"ben"}),
        ("jane ben", {"jane", "ben"}),
        ("/dʒeɪn bɛl/", {"jane"}),
    ],
)
def test_nothing_said_like_a_way_to_say_an_excluded_name_is_given(way, gone):
    left = set(open_words(3000, exclude=[{"text": "Zyx", "say": ["zicks", way]}]))
    assert not gone & left
    assert gone <= set(open_words(3000, exclude=[{"text": "Zyx", "say": ["zicks"]}]))


def test_an_excluded_name_is_excluded_as_it_is_spelt_as_well():
    assert "ben" not in open_words(3000, exclude=[{"text": "Ben", "say": ["zicks"]}])


def test_open_words_are_common_and_two_in_five_are_names_of_people():
    words = open_words(500)
    common = set(itertools.islice(lexicon.common_words(), 1000))
    people = set(itertools.islice(lexicon.common_names(), 500))
    assert len(people.intersection(words)) >= 200
    assert len(common.intersection(words)) >= 250


def test_open_words_follow_their_seed():
    assert open_words(50, seed=1) == open_words(50, seed=1) != open_words(50, seed=2)


def test_too_many_open_words_are_refused_with_how_many_there_are():
    with pytest.raises(ValueError, match=r"400000 names are asked for, and there are \d+ said differently"):
        open_words(1_000_000)
