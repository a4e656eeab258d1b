"""Several sources as one corpus."""

import numpy as np
import pytest
from path_transcriber import ALPHABET

from speech.data.mixture import Mixture
from speech.data.source import CorpusError, Item, Refusal


class Source:
    """``n`` training clips of one text and a test clip; their sound is the source's ``number``."""

    names = None

    def __init__(self, text, number, n=4, weight=1.0):
        self.name = self.identity = text
        self.text, self.number, self.n, self.weight = text, number, n, weight

    def items(self, alphabet):
        of = (self.text, f"speaker of {self.text}", "")
        items = [Item(f"a-{i}", *of, "train", weight=self.weight) for i in range(self.n)]
        return [*items, Item("b", *of, "test", weight=0.5)], [Refusal(self.text, "for a reason")]

    def render(self, item, sample_rate):
        assert not item.id.startswith(self.name), "an id is the source's own"
        return np.full(8, self.number, np.float32)


def mixture(n=4, weight=1.0, exponents=(), **weights):
    return Mixture({"one": Source("anna", 0.25, n, weight), "other": Source("bob", 0.5)}, weights, dict(exponents))


class Both(Source):
    """16 clips of anna and one of eve."""

    def items(self, alphabet):
        items, refused = super().items(alphabet)
        return [*items, Item("e", "eve", "speaker", "", "train")], refused


@pytest.mark.parametrize(("n", "weight"), [(4, 1.0), (12, 2.0)])
def test_a_source_has_its_proportion_of_an_epoch_however_many_clips_it_has(n, weight):
    items, refused = mixture(n, weight, one=3, other=1).items(ALPHABET)
    total = {
        text: sum(item.weight for item in items if item.text == text and item.split == "train")
        for text in ("anna", "bob")
    }
    assert total["anna"] == pytest.approx(3 * total["bob"])
    assert sum(total.values()) == pytest.approx(n * weight + 4), "an epoch is as long as the sources together"
    assert {item.weight for item in items if item.split == "test"} == {0.5}
    assert len({item.id for item in items}) == len(items) == n + 6
    assert [one.clip for one in refused] == ["anna", "bob"]


def test_each_clip_is_rendered_by_its_own_source():
    both = mixture(one=1, other=1)
    items, _ = both.items(ALPHABET)
    assert {(item.text, both.render(item, 16_000)[0]) for item in items} == {("anna", 0.25), ("bob", 0.5)}


@pytest.mark.parametrize("weights", [{"one": 1}, {"one": 1, "other": 0}, {"one": 1, "other": 1, "third": 1}, {}])
def test_each_source_needs_a_weight_and_no_other_has_an_exponent(weights):
    with pytest.raises(ValueError, match=r"corpus\.weights=.*give each of one, other one above 0"):
        mixture(**weights)
    with pytest.raises(ValueError, match=r"corpus\.exponents: third is not one of one, other"):
        mixture(one=1, other=1, exponents={"third": 0.5})


@pytest.mark.parametrize(("exponent", "ratio"), [(1, 16), (0.5, 4), (0, 1)])
def test_of_a_source_with_an_exponent_a_frequent_text_counts_for_less(exponent, ratio):
    both = Mixture(
        {"one": Both("anna", 0.25, 16), "other": Source("bob", 0.5)}, {"one": 1, "other": 1}, {"one": exponent}
    )
    items, _ = both.items(ALPHABET)
    of = {text: [item.weight for item in items if item.text == text] for text in ("anna", "eve", "bob")}
    anna, test = of["anna"][:-1], of["anna"][-1]
    assert sum(anna) == pytest.approx(ratio * sum(of["eve"]))
    assert sum(anna) + sum(of["eve"]) == pytest.approx(sum(of["bob"][:-1])), "the source has its proportion still"
    assert test == 0.5


def test_nobody_is_trained_on_whom_another_source_holds_out():
    """Sentences, and words that were cut out of them."""
    words, sentences = Both("anna", 0.25), Source("bob", 0.5)
    own = sentences.items(ALPHABET)[0]
    own += [Item("c", "bob", "speaker of anna", "", "train"), Item("d", "bob", "speaker of anna", "", "val")]
    sentences.items = lambda alphabet: (own, [])
    items, refused = Mixture({"one": words, "other": sentences}, {"one": 1, "other": 1}, {}).items(ALPHABET)
    ids = {item.id for item in items}
    assert "other-c" not in ids
    assert {"other-d", "other-a-0", "one-b", "one-e"} <= ids, "what they are held out for, and others, are left"
    assert not {"one-a-0", "one-a-1"} & ids
    assert "other-c: speaker of anna is in the validation or a test split of another source" in map(str, refused)


def test_a_source_without_training_clips_is_named():
    with pytest.raises(CorpusError, match="one has"):
        mixture(n=0, one=1, other=1).items(ALPHABET)
