import numpy as np
import pytest

from speech.evaluation.comparison import compare, difference, pairs
from speech.evaluation.metrics import Prediction


def clips(right, n_speakers=30):
    """A clip each, said by ``n_speakers`` in turn; a wrong one is spelt with one letter missing and ranked second."""
    return [
        Prediction(
            str(i),
            f"espeak:en-GB+{i % n_speakers}",
            "martin",
            "martin" if good else "martn",
            [("martin", 0.9), ("mark", 0.1)] if good else [("mark", 0.9), ("martin", 0.1)],
            accent="en-GB",
        )
        for i, good in enumerate(right)
    ]


def test_a_recogniser_differs_from_itself_by_exactly_nothing():
    heard = {"test": clips([i % 3 == 0 for i in range(90)])}
    found = compare(heard, heard)
    for one in [found, *found["splits"].values(), *(one for some in found["groups"].values() for one in some.values())]:
        for figure in ("closed_set_accuracy", "exact_match", "cer"):
            assert one[figure] == 0
            assert one[f"{figure}_interval"] == (0, 0)
        assert one["right_within_list_p"] == 1


def test_a_planted_difference_is_found_where_it_is():
    """They differ in 12 of 300 clips alone, all ours: unpaired, the two intervals would overlap."""
    theirs = [i % 5 != 0 for i in range(300)]
    ours = [good or i % 25 == 0 for i, good in enumerate(theirs)]
    found = difference(pairs(clips(ours), clips(theirs)))
    assert found["closed_set_accuracy"] == pytest.approx(0.04)
    assert found["cer"] == pytest.approx(-12 / (300 * 6))
    assert (found["right_within_list_ours_only"], found["right_within_list_theirs_only"]) == (12, 0)
    assert found["right_within_list_p"] == pytest.approx(2 / 2**12)
    low, high = found["right_within_list_interval"]
    assert 0 < low < 0.04 < high < 0.08
    assert difference(pairs(clips(theirs), clips(ours)))["closed_set_accuracy"] == pytest.approx(-0.04)


def test_the_interval_of_a_difference_holds_the_truth_95_times_in_100():
    """Ours is right in 10 % more of the clips; both find the same clips hard."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(100):
        hard = rng.random(300)
        low, high = difference(pairs(clips(hard < 0.8), clips(hard < 0.7)))["right_within_list_interval"]
        held += low <= 0.1 <= high
    assert held >= 89


def test_only_clips_that_both_heard_are_compared():
    heard = clips([True] * 10)
    found = compare({"test": heard}, {"test": heard[:-2]})
    assert (found["n_clips"], found["n_left_out"]) == (8, 2)
    with pytest.raises(ValueError, match="no clip in common"):
        pairs(heard[:2], heard[5:])
    with pytest.raises(ValueError, match="0: it says 'martin' to one recogniser and 'mark' to the other"):
        pairs(heard, [heard[0]._replace(text="mark")])
