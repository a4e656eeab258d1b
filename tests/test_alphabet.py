import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.alphabet import BLANK, Alphabet, TextError, n_frames_needed

ALPHABET = Alphabet()
WORDS = st.text(ALPHABET.letters, min_size=1).filter(lambda t: any(c.isalpha() for c in t))


@given(WORDS)
def test_what_is_encoded_is_decoded_as_its_folded_text(text):
    symbols = ALPHABET.encode(text)
    assert ALPHABET.decode(symbols) == ALPHABET.fold(text)
    assert BLANK not in symbols
    assert max(symbols) < len(ALPHABET)


@pytest.mark.parametrize(
    ("text", "folded"),
    [("Chloé", "chloe"), ("ZOË", "zoe"), ("O’Brien", "o'brien"), ("Łukasz", "lukasz"), ("Anne-Marie", "anne marie")],
)
def test_accents_are_folded(text, folded):
    assert ALPHABET.fold(text) == folded


@pytest.mark.parametrize("text", ["R2D2", "Ωmega", "李", "", "  ", "'"])
def test_what_cannot_be_folded_is_refused_by_name(text):
    with pytest.raises(TextError, match="text"):
        ALPHABET.encode(text)


def test_equal_neighbours_need_a_frame_for_the_blank_between_them():
    assert n_frames_needed(ALPHABET.encode("anna")) == 5
    assert n_frames_needed(ALPHABET.encode("mark")) == 4
