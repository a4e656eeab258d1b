import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.text.phones import PHONES, Inventory, PhoneError, codes, distance, distances, phones

words = st.lists(st.sampled_from(PHONES), min_size=1, max_size=8).map(tuple)


def slow(one, other):
    """The cheapest way over all alignments, by plain recursion over prefixes, from the published costs alone."""
    from functools import cache

    from speech.text.phones import _difference, _weight

    @cache
    def cheapest(i, j):
        ways = []
        if i:
            ways.append(cheapest(i - 1, j) + _weight(one[i - 1]))
        if j:
            ways.append(cheapest(i, j - 1) + _weight(other[j - 1]))
        if i and j:
            a, b = one[i - 1], other[j - 1]
            ways.append(cheapest(i - 1, j - 1) + _difference(a, b) * max(_weight(a), _weight(b)))
        return min(ways, default=0.0)

    return min(1.0, cheapest(len(one), len(other)) / max(sum(map(_weight, one)), sum(map(_weight, other))))


@given(words, st.lists(words, min_size=1, max_size=4))
def test_many_distances_at_once_are_those_of_the_plain_recursion(one, many):
    expected = [slow(one, other) for other in many]
    assert distances(one, codes(many)) == pytest.approx(expected)


@given(words, words)
def test_distance_is_zero_for_the_same_alone_symmetric_and_at_most_one(one, other):
    assert distance(one, one) == 0
    assert distance(one, other) == pytest.approx(distance(other, one))
    assert 0 <= distance(one, other) <= 1
    assert (distance(one, other) == 0) == (one == other)


@pytest.mark.parametrize(
    ("near", "far"),
    [
        (("mˈɑːtɪn", "mˈɔːtən"), ("mˈɑːtɪn", "mˈɑːk")),  # Martin: Morton before Mark
        (("bˈɛn", "dˈɛn"), ("bˈɛn", "bˈɪl")),
        (("nˈeɪ", "mˈeɪ"), ("nˈeɪ", "dˈeɪ")),  # the place is lost in noise, nasality is not (Miller and Nicely)
        (("tˈɪn", "pˈɪn"), ("tˈɪn", "zˈɪn")),
    ],
)
def test_what_listeners_confuse_is_nearer(near, far):
    assert distance(*map(phones, near)) < distance(*map(phones, far))


def test_affricates_are_one_phone_and_coloured_vowels_two_and_marks_none():
    assert phones("tʃˈɑːɹlət") == phones("t͡ʃɑɹlət") == ("tʃ", "ɑ", "ɹ", "l", "ə", "t")
    assert phones("mˈɜːtn̩") == ("m", "ɜ", "t", "ə", "n")
    assert phones("ɚ") == ("ə", "ɹ")


def test_a_symbol_that_is_no_phone_is_named_with_its_place():
    with pytest.raises(PhoneError, match=r"/maʁtin/: 'ʁ' \(character 3\)"):
        phones("maʁtin")


@given(words, st.permutations(PHONES))
def test_an_inventory_gives_back_what_it_was_given_in_whatever_order_its_phones_are(word, order):
    for inventory in (Inventory(), Inventory(order)):
        symbols = inventory.encode(word)
        assert inventory.decode(symbols) == word
        assert inventory.decode([0, *symbols, 0]) == word, "the blank is no phone"
        assert all(1 <= symbol < len(inventory) for symbol in symbols)
    assert Inventory(order).encode((order[0], order[-1])) == [1, len(PHONES)]


def test_a_phone_that_an_inventory_does_not_hold_is_refused_by_name():
    with pytest.raises(PhoneError, match=r"^x ʔ: not among the phones that this recogniser hears"):
        Inventory(["m", "ɑ"]).encode(("m", "x", "ʔ"))


@pytest.mark.parametrize("phones", ["perhaps", [], ["a", "b", "a"]])
def test_an_inventory_that_is_no_list_of_distinct_phones_is_refused(phones):
    with pytest.raises(ValueError, match="must be true, false, or a list of distinct phones"):
        Inventory(phones)
