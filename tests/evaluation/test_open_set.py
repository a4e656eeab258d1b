import numpy as np
import pytest

from speech.evaluation.metrics import Prediction
from speech.evaluation.open_set import acceptance


def clip(said, first, probability, none=None, speaker="s"):
    other = "mark" if first == "martin" else "martin"
    return Prediction(said, speaker, said, said, [(first, probability), (other, 1 - probability)], none=none)


PAPER = [  # three of the list, one of them taken for another; two that are not in it
    clip("martin", "martin", 0.9),
    clip("mark", "mark", 0.7),
    clip("mark", "martin", 0.6),
    clip("sheila", "mark", 0.8),
    clip("tree", "martin", 0.55),
]


def test_the_curve_on_paper():
    found = acceptance(PAPER)
    assert (found["n_listed"], found["n_not_listed"]) == (3, 2)
    curve = found["curve"]
    assert curve["threshold"] == [0.55, 0.6, 0.7, 0.8, 0.9, 2.0]
    assert curve["false_accept_rate"] == [1, 0.5, 0.5, 0.5, 0, 0]
    assert curve["correct_accept_rate"] == pytest.approx([2 / 3, 2 / 3, 2 / 3, 1 / 3, 1 / 3, 0])
    assert curve["wrong_accept_rate"] == pytest.approx([1 / 3, 1 / 3, 0, 0, 0, 0])
    assert found["oscr_area"] == pytest.approx(0.5 * (1 / 3) + 0.5 * (2 / 3))
    point = found["operating_point"]
    assert (point["threshold"], point["false_accept_rate"]) == (0.9, 0)
    assert point["correct_accept_rate"] == pytest.approx(1 / 3)
    low, high = point["accepted_right_interval"]
    assert 0 <= low < 1 / 3 < high


def test_the_probability_of_none_is_used_where_every_clip_has_it():
    """It may tell apart what the first name's probability cannot."""
    told = [one._replace(none=0.1 if one.text in ("martin", "mark") else 0.95) for one in PAPER]
    found = acceptance(told)
    assert found["score"] == "1 - probability of none of these"
    assert found["operating_point"]["correct_accept_rate"] == pytest.approx(2 / 3)
    assert acceptance([*told[:-1], PAPER[-1]])["score"] == "probability of the first name"


def test_without_others_there_is_no_false_acceptance():
    found = acceptance(PAPER[:3])
    assert found["curve"]["false_accept_rate"] is None
    assert "operating_point" not in found
    assert acceptance(PAPER[3:]) is None
    assert acceptance([]) is None


def test_scores_that_say_nothing_have_half_the_area():
    rng = np.random.default_rng(0)
    heard = [clip("martin" if i % 2 else "sheila", "martin", rng.uniform(0.5, 1)) for i in range(4000)]
    assert acceptance(heard)["oscr_area"] == pytest.approx(0.5, abs=0.03)
