"""Names that espeak reads letter by letter are told before a clip of them is made."""

import pytest

from speech.text import espeak
from speech.text.names import Name
from speech.text.spelt_out import spelt_out, warn_spelt_out

# Croatian, Czech, Vietnamese, Korean, Armenian, Slovene, Ukrainian, Arabic, Polish, Igbo
SPELT = ["Hrvoje", "Vlk", "Krk", "Ng", "Hwang", "Mkrtchyan", "Zdravko", "Dzvinka", "Al-Ḫwārizmī", "Gdańsk", "Nwosu"]
SPELT += ["Dvořák", "Jr"]
READ = ["Þórdís", "Łukasz", "Çağlar", "Šarūnas", "Ẹniọlá", "Đặng", "Sørensen", "Xiǎomíng", "Szczepan", "Ngozi"]
READ += ["Krzysztof", "Dmitri", "Tsai", "Ptolemy", "Schmidt", "Knut", "Bjørn", "Roman", "TJ", "Phoebe"]


@pytest.mark.parametrize(("names", "told"), [(SPELT, True), (READ, False)], ids=["spelt", "read"])
def test_a_name_whose_letters_are_named_is_told_from_one_that_is_read(names, told):
    assert [name for name in names if spelt_out(name) != told] == []


@pytest.mark.parametrize(("text", "told"), [("Ivan IV", True), ("XI", False), ("VI", False), ("vi", False)])
def test_a_number_is_told_and_a_name_in_capitals_is_none(text, told):
    assert spelt_out(text) == told
    assert ("ɹˌəʊmən" in espeak.phonemes(text, "en-GB")) == told


def test_they_are_warned_of_once_with_the_way_out(capsys):
    warn_spelt_out(["Martin", "Hrvoje", "Ng"])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: Hrvoje (ˌeɪtʃˈɑːvˈəʊdʒ), Ng (ˌɛndʒˈiː): read letter by letter: give a respelling")
    warn_spelt_out(["Martin", Name("Hrvoje", ["hurvoya"]), Name("Ng", ["/əŋ/"])])
    assert capsys.readouterr().err == ""
