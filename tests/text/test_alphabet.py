import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.text.alphabet import BLANK, Alphabet, TextError, n_frames_needed

ALPHABET = Alphabet()
WORDS = st.text(ALPHABET.letters, min_size=1).filter(lambda t: any(c.isalpha() for c in t))


@given(WORDS)
def test_an_encoded_text_is_decoded_as_its_folded_form(text):
    symbols = ALPHABET.encode(text)
    assert ALPHABET.decode(symbols) == ALPHABET.fold(text)
    assert BLANK not in symbols
    assert max(symbols) < len(ALPHABET)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Chloé", "chloe"),
        ("ZOË", "zoe"),
        ("O’Brien", "o'brien"),
        ("Łukasz", "lukasz"),
        ("ʿAlī", "'ali"),
        ("Qurʾan", "qur'an"),
        ("Anne-Marie", "anne marie"),
    ],
)
def test_accents_are_folded(text, folded):
    assert ALPHABET.fold(text) == folded


@pytest.mark.parametrize("text", ["R2D2", "Ωmega", "李", "", "  ", "'"])
def test_a_text_that_cannot_be_folded_is_refused_by_name(text):
    with pytest.raises(TextError, match="text"):
        ALPHABET.encode(text)


@pytest.mark.parametrize(("text", "n_frames"), [("anna", 5), ("mark", 4)])
def test_equal_neighbours_need_a_frame_for_the_blank_between(text, n_frames):
    assert n_frames_needed(ALPHABET.encode(text)) == n_frames
