"""Tables, a dictionary and lists of names become words with phones; what is held out or unreadable is left out."""

import pytest

from speech.data.pronunciations import CAPITALISED, COMMON, Variety, held_out_names, read
from speech.data.source import CorpusError
from speech.data.words import WordBatches, prior, weights
from speech.text.phones import Inventory

TABLE = """Adam	a d a m
Horymír	ɦ o r ɪ m iː r
Praha	p r a ɦ a
voda	v o d a
voda	v o t a
aha!	a ɦ a
k	k a
dlouhoslovo	Ж
Novák	n o v aː k
mít	m iː t
"""


@pytest.fixture
def tables(tmp_path):
    (tmp_path / "ces_latn_narrow.tsv").write_text(TABLE, encoding="utf-8")
    (tmp_path / "bul_cyrl_narrow.tsv").write_text("вода\tv ɔ d a\n", encoding="utf-8")
    (tmp_path / "names.tsv").write_text("name\tlanguage\nNovak\tces\n", encoding="utf-8")
    return tmp_path


def corpus(tables, *varieties, held_out=()):
    return read(varieties or [Variety("ces", ["ces_latn_narrow"])], tables, set(held_out), 20, 3)


def test_words_are_read_with_all_their_pronunciations(tables):
    found = corpus(tables)
    entries = {entry.text: entry for entry in found.train}
    assert set(entries) == {"Adam", "Horymír", "Praha", "voda", "Novák", "mít"}
    assert entries["voda"].readings == [("v", "o", "d", "a"), ("v", "o", "t", "a")]
    assert (entries["Praha"].kind, entries["voda"].kind) == (CAPITALISED, COMMON)
    assert found.refused["unreadable IPA"] == 1


def test_names_are_held_out_by_their_spelling_without_marks(tables):
    held_out = held_out_names(tables / "names.tsv")
    assert held_out == {"novak"}
    assert "Novák" not in {entry.text for entry in corpus(tables, held_out=held_out).train}


def test_other_scripts_come_into_latin_letters(tables):
    (entry,) = corpus(tables, Variety("bul", ["bul_cyrl_narrow"], script="letters")).train
    assert (entry.text, entry.readings) == ("voda", [("v", "ɔ", "d", "a")])


def test_a_table_that_is_missing_is_named(tables):
    with pytest.raises(CorpusError, match=r"nld_latn_broad\.tsv: no such table"):
        corpus(tables, Variety("nld", ["nld_latn_broad"]))
    with pytest.raises(CorpusError, match=r"held_out=.*no table with a column 'name'"):
        held_out_names(tables / "ces_latn_narrow.tsv")
    with pytest.raises(CorpusError, match="no words to train on"):
        read([Variety("ces", ["ces_latn_narrow"])], None, set(), 20, 3)


def test_names_are_drawn_more_often_than_words_and_by_the_seed(tables):
    entries = corpus(tables).train
    each = weights(entries, [1.0])
    names = [entry.kind == CAPITALISED for entry in entries]
    assert each.sum() == pytest.approx(1)
    assert each[names].sum() > each.sum() / 2
    assert prior(entries, [1.0]) == pytest.approx([1.0])
    one, other = (WordBatches(entries, [1.0], Inventory(), 4, 3, 0.5, seed=1) for _ in range(2))
    for a, b in zip(one, other, strict=True):
        assert all((x == y).all() for x, y in zip(a, b, strict=True))
        assert (a.n_letters == a.letters.shape[1]).all()
