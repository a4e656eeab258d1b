from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.text.phones import (
    PHONES,
    Inventory,
    PhoneError,
    _difference,
    _weight,
    codes,
    distances,
    nearer_than,
    phones,
)

WORDS = st.lists(st.sampled_from(PHONES), min_size=1, max_size=8).map(tuple)


def distance(one, other):
    return distances(one, codes([other]))[0]


def by_recursion(one, other):
    """The cheapest alignment, by recursion over prefixes."""

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


@given(WORDS, st.lists(WORDS, min_size=1, max_size=4))
def test_distances_of_many_are_those_of_the_plain_recursion(one, many):
    assert distances(one, codes(many)) == pytest.approx([by_recursion(one, other) for other in many])


@given(WORDS, st.lists(WORDS, min_size=1, max_size=8), st.floats(0.01, 1))
def test_those_nearer_than_a_distance_are_all_and_no_others(one, many, distance):
    expected = [i for i, found in enumerate(distances(one, codes(many))) if found < distance]
    assert nearer_than(distance, one, codes(many)).tolist() == expected


@given(WORDS, WORDS)
def test_distance_is_symmetric_at_most_one_and_zero_for_equals_alone(one, other):
    assert distance(one, one) == 0
    assert distance(one, other) == pytest.approx(distance(other, one))
    assert 0 <= distance(one, other) <= 1
    assert (distance(one, other) == 0) == (one == other)


@pytest.mark.parametrize(
    ("near", "far"),
    [
        (("mˈɑːtɪn", "mˈɔːtən"), ("mˈɑːtɪn", "mˈɑːk")),  # Martin: Morton before Mark
        (("bˈɛn", "dˈɛn"), ("bˈɛn", "bˈɪl")),
        (("nˈeɪ", "mˈeɪ"), ("nˈeɪ", "dˈeɪ")),  # in noise the place is lost, nasality is not (Miller and Nicely)
        (("tˈɪn", "pˈɪn"), ("tˈɪn", "zˈɪn")),
    ],
)
def test_pairs_that_people_confuse_are_nearer(near, far):
    assert distance(*map(phones, near)) < distance(*map(phones, far))


@pytest.mark.parametrize(
    ("ipa", "expected"),
    [
        ("tʃˈɑːɹlət", ("tʃ", "ɑ", "ɹ", "l", "ə", "t")),
        ("t͡ʃɑɹlət", ("tʃ", "ɑ", "ɹ", "l", "ə", "t")),
        ("mˈɜːtn̩", ("m", "ɜ", "t", "ə", "n")),
        ("ɚ", ("ə", "ɹ")),
    ],
)
def test_affricates_are_one_phone_rhotic_vowels_two_and_marks_none(ipa, expected):
    assert phones(ipa) == expected


def test_a_symbol_that_is_no_phone_is_named_with_its_place():
    with pytest.raises(PhoneError, match=r"/maʁtin/: 'ʁ' \(character 3\)"):
        phones("maʁtin")


@given(WORDS, st.permutations(PHONES))
def test_an_inventory_decodes_its_symbols_in_any_order_of_phones(word, order):
    for inventory in (Inventory(), Inventory(order)):
        symbols = inventory.encode(word)
        assert inventory.decode([0, *symbols, 0]) == word, "the blank is no phone"
        assert all(1 <= symbol < len(inventory) for symbol in symbols)
    assert Inventory(order).encode((order[0], order[-1])) == [1, len(PHONES)]


def test_a_phone_that_an_inventory_lacks_is_refused_by_name():
    with pytest.raises(PhoneError, match=r"^x ʔ: not among the phones of this recogniser"):
        Inventory(["m", "ɑ"]).encode(("m", "x", "ʔ"))


@pytest.mark.parametrize("phones", ["perhaps", [], ["a", "b", "a"]])
def test_an_inventory_is_a_list_of_distinct_phones(phones):
    with pytest.raises(ValueError, match="must be true, false, or a list of distinct phones"):
        Inventory(phones)
