import numpy as np
import pytest

from speech.evaluation.comparison import compare, differences, pairs
from speech.evaluation.prediction import Prediction


def clips(right, n_speakers=30):
    """A clip each, by ``n_speakers`` in turn; a wrong one lacks a letter and is ranked second."""
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
    some = {"test": clips([i % 3 == 0 for i in range(90)])}
    found = compare(some, some)
    for one in [found.overall, *found.splits.values(), *(one for by in found.groups.values() for one in by.values())]:
        for metric in (one.closed_set_accuracy, one.exact_match, one.cer):
            assert (metric.value, metric.low, metric.high) == (0, 0, 0)
        assert one.closed_set_accuracy.p == 1


def test_a_planted_difference_is_found_where_it_is():
    """They differ in 12 of 300 clips alone, all ours: unpaired, the two intervals would overlap."""
    theirs = [i % 5 != 0 for i in range(300)]
    ours = [good or i % 25 == 0 for i, good in enumerate(theirs)]
    found = differences(pairs(clips(ours), clips(theirs)))
    assert found.cer.value == pytest.approx(-12 / (300 * 6))
    accuracy = found.closed_set_accuracy
    assert accuracy.value == pytest.approx(0.04)
    assert (accuracy.n_ours_only, accuracy.n_theirs_only) == (12, 0)
    assert accuracy.p == pytest.approx(2 / 2**6), "6 of the 30 speakers differ, in two clips each"
    assert 0 < accuracy.low < 0.04 < accuracy.high < 0.08
    accents = [one._replace(speaker=f"espeak:en-{i % 7}+m{i % 2}") for i, one in enumerate(clips(ours))]
    assert differences(pairs(accents, clips(theirs))).n_speakers == 2, "a variant in seven accents is one speaker"
    back = differences(pairs(clips(theirs), clips(ours)))
    assert back.closed_set_accuracy.value == pytest.approx(-0.04)


def test_the_interval_of_a_difference_holds_the_truth_95_times_in_100():
    """Ours is right in 10 % more of the clips; both find the same clips hard."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(100):
        hard = rng.random(300)
        found = differences(pairs(clips(hard < 0.8), clips(hard < 0.7))).closed_set_accuracy
        held += found.low <= 0.1 <= found.high
    assert held >= 89


def test_only_clips_that_both_have_are_compared():
    some = clips([True] * 10)
    found = compare({"test": some}, {"test": some[:-2]})
    assert (found.overall.n_clips, found.n_left_out) == (8, 2)
    with pytest.raises(ValueError, match="no clip in common"):
        pairs(some[:2], some[5:])
    with pytest.raises(ValueError, match="0: the reference is 'martin' for one recogniser and 'mark' for the other"):
        pairs(some, [some[0]._replace(ref="mark")])
