import numpy as np
import pytest

from speech import compare
from speech.metrics import Heard


def test_a_paired_interval_holds_the_true_difference_as_often_as_it_says():
    """Many drawn samples of clips that two recognisers hear alike more often than chance would have it."""
    rng = np.random.default_rng(0)
    chances = {"both": 0.7, "gained": 0.15, "lost": 0.05}
    held, widths, apart = [], [], []
    for _ in range(1000):
        drawn = rng.choice(4, 150, p=[*chances.values(), 0.1])
        before, after = np.isin(drawn, (0, 2)).tolist(), np.isin(drawn, (0, 1)).tolist()
        found = compare.paired(before, after)
        low, high = found["difference_interval"]
        held.append(low <= 0.1 <= high)
        widths.append(high - low)
        shuffled = compare.paired(before, rng.permutation(after).tolist())["difference_interval"]
        apart.append(shuffled[1] - shuffled[0])
    assert 0.93 <= np.mean(held) <= 0.98
    assert np.mean(widths) < 0.9 * np.mean(apart), "that the clips are the same ones makes it narrower"


def test_gains_and_losses_are_counted_apart():
    found = compare.paired([True, True, False, False, False], [True, False, True, True, False])
    assert (found["gained"], found["lost"], found["n_clips"]) == (2, 1, 5)
    assert found["difference"] == pytest.approx(0.2)
    turned = compare.paired([True, False, True, True, False], [True, True, False, False, False])
    assert turned["difference_interval"] == pytest.approx([-limit for limit in found["difference_interval"][::-1]])


def test_where_nothing_differs_the_interval_is_not_a_point():
    low, high = compare.paired([True] * 50, [True] * 50)["difference_interval"]
    assert low < 0 < high
    assert high - low < 0.2


def test_a_comparison_is_of_the_same_clips():
    def heard(id, letters):
        return Heard(id, "ann", "mark", letters, [("mark", 1.0)])

    changes = compare.change([heard("a", "mar"), heard("b", "mark")], [heard("a", "mark"), heard("b", "mark")])
    assert changes["letter_perfect"]["gained"] == 1
    assert changes["right_within_list"]["difference"] == 0
    assert "50.00%  100.00%  +50.00" in compare.table({"test_held_back": changes})
    with pytest.raises(ValueError, match="same clips"):
        compare.change([heard("a", "mark")], [heard("b", "mark")])
