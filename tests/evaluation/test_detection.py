import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.evaluation.detection import LEFT_OUT, N_POINTS, OUT_OF_LIST, detection, probit
from speech.evaluation.prediction import Prediction
from speech.inference.rejection import EVIDENCE, Rejection

LIST = [("martin", 0.8), ("mark", 0.2)]
REJECTION = Rejection([0.0] * (1 + len(EVIDENCE)), {"0.01": 0.1, "0.05": 0.4, "0.1": 1.0}, "0.05", 0.9)
probabilities = st.floats(0, 1).map(lambda p: round(p, 2))  # ties are common


def clip(ref, out_of_list, without=None, speaker="s"):
    return Prediction("id", speaker, ref, ref, LIST, out_of_list=out_of_list, out_of_list_without=without)


def listed(*pairs):
    return [clip("martin", *pair, speaker=f"s{i % 3}") for i, pair in enumerate(pairs)]


pairs = st.lists(st.tuples(probabilities, probabilities), min_size=1, max_size=30)


@given(pairs, st.lists(probabilities, min_size=1, max_size=20))
def test_each_point_of_the_curve_is_what_counting_gives(some, others):
    found = detection([*listed(*some), *(clip("anna", p) for p in others)], REJECTION)
    against = {OUT_OF_LIST: others, LEFT_OUT: [without for _, without in some]}
    for kind, report in found.items():
        curve = report.curve
        for t, accepted, refused in zip(curve.threshold, curve.false_accept_rate, curve.false_reject_rate, strict=True):
            assert accepted == pytest.approx(sum(p < t for p in against[kind]) / len(against[kind]))
            assert refused == pytest.approx(sum(p >= t for p, _ in some) / len(some))
        assert (curve.false_accept_rate[0], curve.false_reject_rate[0]) == (0, 1), "nothing is accepted"
        for point in report.stated_rates:
            t = REJECTION.thresholds[point.stated]
            assert point.false_accept_rate.value == sum(p < t for p in against[kind]) / len(against[kind])
            assert point.false_reject_rate.value == sum(p >= t for p, _ in some) / len(some)
    assert set(found) == {OUT_OF_LIST, LEFT_OUT}


def test_clips_and_speakers_of_either_side_are_counted():
    found = detection([*listed(*[(0.1, 0.9)] * 7), clip("anna", 0.8)], REJECTION)
    one = found[OUT_OF_LIST]
    assert (one.n_listed, one.n_listed_speakers, one.n_others, one.n_others_speakers) == (7, 3, 1, 1)
    assert (found[LEFT_OUT].n_others, found[LEFT_OUT].n_others_speakers) == (7, 3)
    assert [point.stated for point in one.stated_rates if point.shipped] == ["0.05"]
    assert one.equal_error_rate == 0


def test_two_normal_distributions_give_a_straight_line():
    """Their means 2 deviations apart: the probits add up to -2, and the rates are equal at 1 deviation."""
    rng = np.random.default_rng(0)
    values = np.stack([rng.normal(-1, 1, 20_000), rng.normal(1, 1, 20_000)], axis=1)
    found = detection(listed(*(1 / (1 + np.exp(-values))).tolist()), REJECTION)[LEFT_OUT]
    x, y = (np.array(some) for some in (found.curve.false_accept_rate, found.curve.false_reject_rate))
    usual = (x > 0.01) & (x < 0.99) & (y > 0.01) & (y < 0.99)
    assert usual.sum() > N_POINTS / 4
    assert np.abs(probit(x[usual]) + probit(y[usual]) + 2).max() < 0.1
    assert found.equal_error_rate == pytest.approx(math.erfc(1 / math.sqrt(2)) / 2, abs=0.005)
    assert len(x) <= N_POINTS


@pytest.mark.parametrize(
    ("some", "rejection"),
    [
        (listed((0.1, 0.9)), None),
        ([clip("anna", 0.5)], REJECTION),  # no listed clip
        (listed((0.1, None)), REJECTION),  # no other
        (listed((None, None)), REJECTION),
    ],
)
def test_without_thresholds_or_clips_of_both_sides_there_is_none(some, rejection):
    assert detection(some, rejection) == {}
