import pytest

from speech.evaluation import lists
from speech.evaluation.lists import LENGTH, deal


@pytest.mark.parametrize("n", [1, 99, 100, 101, 340])
def test_every_name_is_dealt_into_lists_of_one_length(n):
    names = [f"name {i}" for i in range(n)]
    dealt = deal(names)
    assert len(dealt) == -(-n // LENGTH)
    assert {name for one in dealt for name in one} == set(names)
    assert all(len(one) == len(set(one)) == min(n, LENGTH) for one in dealt)
    assert deal(names[::-1]) == dealt, "the order in which they come is no matter"


def test_a_list_is_a_draw_and_not_a_stretch_of_the_alphabet(monkeypatch):
    monkeypatch.setattr(lists, "LENGTH", 10)
    names = [f"{i:03}" for i in range(1000)]
    spread = [max(map(int, one)) - min(map(int, one)) for one in deal(names)]
    assert min(spread) > 300
