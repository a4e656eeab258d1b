import itertools
import re

import pytest

from speech.text.lexicon import dictionary, pronunciations_of
from speech.text.word_lists import common_names, common_words, distinct_sounds, open_words


@pytest.fixture(scope="module")
def all_words():
    return set(open_words(3000, exclude=(), n_phrases=0))


def test_open_words_are_written_words_without_homophones(all_words):
    assert len(all_words) == 3000
    sounds = [sound for word in all_words for sound in set(dictionary()[word])]
    assert len(sounds) == len(set(sounds)), "two of them are homophones"
    assert all(re.fullmatch("[a-z']{2,12}", word) for word in all_words)
    assert {"fbi", "tv", "mr"}.isdisjoint(all_words)


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("Steven", {"stephen", "steven"}),
        ("Marq", {"mark", "marc"}),  # not in the dictionary: by espeak
        *(({"text": "Zyx", "say": ["zicks", way]}, {"ben"}) for way in ("ben", "Ben", "/bɛn/")),
        ({"text": "Zyx", "say": ["zicks", "jane ben"]}, {"jane", "ben"}),
        ({"text": "Zyx", "say": ["zicks", "/dʒeɪn bɛl/"]}, {"jane"}),
        ({"text": "Ben", "say": ["zicks"]}, {"ben"}),  # in its spelling as well
    ],
)
def test_open_words_have_no_homophone_of_an_excluded_name(all_words, name, gone):
    assert not gone & set(open_words(3000, exclude=[name], n_phrases=0))
    assert gone & all_words, "there was nothing to exclude"


@pytest.mark.parametrize("name", ["Steven", "Marq"])
def test_an_excluded_name_excludes_no_other_sounds(name):
    assert {"mary", "michael"} <= set(distinct_sounds(common_names(), set(), pronunciations_of([name])))


def test_open_words_are_common_and_two_in_five_are_names_of_people():
    words = open_words(500, exclude=(), n_phrases=0)
    assert len(set(itertools.islice(common_names(), 500)).intersection(words)) >= 200
    assert len(set(itertools.islice(common_words(), 1000)).intersection(words)) >= 250


def test_open_words_follow_their_seed():
    assert (
        open_words(50, exclude=(), n_phrases=0, seed=1)
        == open_words(50, exclude=(), n_phrases=0, seed=1)
        != open_words(50, exclude=(), n_phrases=0, seed=2)
    )


def test_too_many_open_words_are_refused_with_their_number():
    with pytest.raises(ValueError, match=r"400000 names asked for, only \d+ available without homophones"):
        open_words(1_000_000, exclude=(), n_phrases=0)
