import pytest

from speech.text.romanisation import hangul, pinyin, romaji, romanise, transliterate


@pytest.mark.parametrize(
    ("word", "ipa"),
    [("Xiaoming", "ɕjaʊmiŋ"), ("Zhang", "dʒɑŋ"), ("Lǚ", "ly"), ("Qing", "tɕiŋ"), ("Yuan", "ɥɛn"), ("Juan", "dʒɥɛn")],
)
def test_pinyin_is_read_syllable_by_syllable(word, ipa):
    assert pinyin(word) == ipa


@pytest.mark.parametrize("word", ["Martin", "Bjork", "", "xx"])
def test_what_is_no_pinyin_is_not_read(word):
    assert pinyin(word) is None


@pytest.mark.parametrize(
    ("word", "ipa"),
    [("Akira", "akiɾa"), ("Daisuke", "daiske"), ("Yōko", "joko"), ("Shinichi", "ɕinitɕi"), ("Lars", None)],
)
def test_romaji_is_read(word, ipa):
    assert romaji(word) == ipa


def test_korean_names_have_a_standard_and_a_customary_spelling():
    assert list(hangul("박"))[1][0] == "Park"
    assert list(hangul("지훈")) == [("jihun", "dʒihun"), ("jeehoon", "dʒihun")]
    assert list(hangul("Kim")) == []


@pytest.mark.parametrize(
    ("text", "language", "latin"),
    [
        ("Дмитрий", "rus", "dmitriy"),
        ("Олександр", "ukr", "oleksandr"),
        ("Γεώργιος", "ell", "georgios"),
        ("シュンスケ", "jpn", "shunsuke"),
        ("きょうこ", "jpn", "kyoko"),
        ("Martin", "rus", None),
    ],
)
def test_other_alphabets_are_written_in_latin_letters(text, language, latin):
    assert transliterate(text, language) == latin


def test_names_are_written_by_ear():
    assert romanise("ɾɑːd͡ʒiːʋ") == ["rajiv", "raajeew"]
    assert romanise("muħammad") == ["muhammad"]
    assert romanise("maЖ") == []
