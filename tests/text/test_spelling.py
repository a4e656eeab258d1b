import pytest

from speech.text.alphabet import TextError
from speech.text.spelling import LETTERS, MARKS, encode, folded, words


def test_a_letter_and_its_marks_are_told_apart():
    letters, marks = encode("Nguyễn")
    assert [LETTERS[symbol - 1] for symbol in letters] == list("nguyen")
    assert [MARKS[mark - 1] for mark in marks[4]] == ["\u0302", "\u0303"]
    assert letters == encode("nguyen")[0]


def test_composed_and_decomposed_letters_are_the_same():
    assert encode("Zo\u00eb") == encode("zoe\u0308")


def test_letters_that_unicode_does_not_take_apart_are_kept():
    assert encode("Đỗ") != encode("Do")
    assert encode("Strauß") != encode("Strauss")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Anne-Marie O\u2019Brien", ["anne", "marie", "o'brien"]),
        ("J. R. R. Tolkien", ["j", "r", "r", "tolkien"]),
        (" - ", []),
    ],
)
def test_a_name_is_parted_into_words(name, parts):
    assert words(name) == parts


def test_an_unreadable_letter_is_named():
    with pytest.raises(TextError, match=r"'Маrtin' has 'м'"):
        encode("Маrtin")
    with pytest.raises(TextError, match="no letter"):
        encode("")


def test_two_spellings_fold_to_one():
    assert folded("José") == folded("JOSE") == "jose"
