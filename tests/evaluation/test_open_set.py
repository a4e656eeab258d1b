import numpy as np
import pytest

from speech.evaluation.open_set import open_set
from speech.evaluation.prediction import Prediction


def clip(ref, first, probability):
    other = "mark" if first == "martin" else "martin"
    return Prediction(ref, "s", ref, ref, [(first, probability), (other, 1 - probability)])


PAPER = [  # three in the list, one of them with another name first; two out of it
    clip("martin", "martin", 0.9),
    clip("mark", "mark", 0.7),
    clip("mark", "martin", 0.6),
    clip("sheila", "mark", 0.8),
    clip("tree", "martin", 0.55),
]


def test_the_curve_on_paper():
    found = open_set(PAPER)
    assert (found.n_in_list, found.n_out_of_list) == (3, 2)
    assert (found.n_in_list_speakers, found.n_out_of_list_speakers) == (1, 1)
    assert found.curve.threshold == [0.55, 0.6, 0.7, 0.8, 0.9, 2.0]
    assert found.curve.false_accept_rate == [1, 0.5, 0.5, 0.5, 0, 0]
    assert found.curve.correct_accept_rate == pytest.approx([2 / 3, 2 / 3, 2 / 3, 1 / 3, 1 / 3, 0])
    assert found.oscr_area == pytest.approx(0.5 * (1 / 3) + 0.5 * (2 / 3))
    point = found.operating_point
    assert (point.threshold, point.false_accept_rate.value) == (0.9, 0)
    assert point.correct_accept_rate.value == pytest.approx(1 / 3)
    assert 0 <= point.correct_accept_rate.low < 1 / 3 < point.correct_accept_rate.high


def test_out_of_list_probabilities_are_used_where_every_clip_has_one():
    """They may tell apart what the first name's probability cannot."""
    told = [one._replace(out_of_list=0.1 if one.ref in ("martin", "mark") else 0.95) for one in PAPER]
    found = open_set(told)
    assert found.confidence == "1 - out-of-list probability"
    assert found.operating_point.correct_accept_rate.value == pytest.approx(2 / 3)
    assert open_set([*told[:-1], PAPER[-1]]).confidence == "probability of the first name"


@pytest.mark.parametrize("some", [PAPER[:3], PAPER[3:], [], [one._replace(names=[]) for one in PAPER]])
def test_without_clips_in_and_out_of_a_list_there_is_no_report(some):
    assert open_set(some) is None


def test_a_confidence_that_says_nothing_has_half_the_area():
    rng = np.random.default_rng(0)
    some = [clip("martin" if i % 2 else "sheila", "martin", rng.uniform(0.5, 1)) for i in range(4000)]
    assert open_set(some).oscr_area == pytest.approx(0.5, abs=0.03)
