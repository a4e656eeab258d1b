import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.text.alphabet import BLANK, Alphabet, TextError, n_frames_needed
from speech.text.names import read_names

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


def test_a_name_may_bring_the_ways_in_which_it_is_said(tmp_path):
    listed = read_names(["Martin", {"text": "Siobhan", "say": ["shivawn", "/ʃɪˈvɔːn/"]}, {"text": "Ann", "say": "an"}])
    (tmp_path / "names.txt").write_text("Martin\n\nSiobhan = shivawn, /ʃɪˈvɔːn/\nAnn=an\n", encoding="utf-8")
    for names in (listed, read_names(str(tmp_path / "names.txt"))):
        assert names == ["Martin", "Siobhan", "Ann"]
        assert [name.say for name in names] == [(), ("shivawn", "/ʃɪˈvɔːn/"), ("an",)]


@pytest.mark.parametrize("name", [{"text": "Siobhan"}, {"text": "Siobhan", "say": []}, {"text": "", "say": "x"}, 7])
def test_an_entry_that_is_no_name_is_told_with_its_place(name):
    with pytest.raises(ValueError, match=r"names\[1\]: .*say: \[shivawn"):
        read_names(["Martin", name])


@pytest.mark.parametrize("say", ["李", "shi2vawn", "/"])
def test_a_respelling_that_no_english_reader_can_read_is_told_with_its_place_and_its_signs(say):
    with pytest.raises(ValueError, match=r"names\[0\]: say .*IPA between slashes"):
        read_names([{"text": "Siobhan", "say": [say]}])


def test_a_line_without_a_pronunciation_after_its_sign_is_told_with_its_number(tmp_path):
    (tmp_path / "names.txt").write_text("Martin\nSiobhan =\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"names\.txt:2: "):
        read_names(str(tmp_path / "names.txt"))
