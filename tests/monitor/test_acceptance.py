import numpy as np

from speech.monitor.acceptance import PER_FRAME, PROBABILITY, Trials, curve, equal_error, trials


def test_each_clip_is_asked_with_its_name_and_without():
    """Two clips of ten frames, names 0 and 1; the second is taken for name 0."""
    scores = np.log([[0.5, 0.1], [0.3, 0.2]])
    found = trials(scores, np.array([0, 1]), np.log([0.6, 0.6]), np.array([10, 10]))
    assert found[PER_FRAME].right.tolist() == [True, False, False, False]
    np.testing.assert_allclose(found[PER_FRAME].scores * 10, np.log(np.array([0.5, 0.3, 0.1, 0.3]) / 0.6))
    np.testing.assert_allclose(found[PROBABILITY].scores, [5 / 6, 0.6, 1, 1])


def test_a_list_whose_only_name_is_left_out_is_refused_before_any_answer():
    found = trials(np.log([[0.5]]), np.array([0]), np.log([0.6]), np.array([10]))
    assert np.isfinite(found[PER_FRAME].scores).all()
    assert found[PROBABILITY].scores.tolist() == [1, 0]
    assert equal_error(curve(found[PER_FRAME]))[0] == 0


def test_what_lies_apart_is_told_apart():
    of = curve(Trials(np.array([1.0, 2.0, 5.0, 6.0]), np.array([False, False, True, True])))
    assert equal_error(of) == (0.0, 5.0)
    assert (of.false_accepts[0], of.false_rejects[0]) == (1.0, 0.0)
    assert (of.false_accepts[-1], of.false_rejects[-1]) == (0.0, 1.0)


def test_one_in_four_on_the_wrong_side():
    right = np.array([False] * 4 + [True] * 4)
    of = curve(Trials(np.array([1.0, 2.0, 3.0, 6.5, 2.5, 5.0, 6.0, 7.0]), right))
    assert equal_error(of)[0] == 0.25


def test_thresholds_trade_one_error_for_the_other():
    rng = np.random.default_rng(0)
    of = curve(Trials(rng.normal(size=200), rng.random(200) < 0.5))
    assert (np.diff(of.false_accepts) <= 0).all()
    assert (np.diff(of.false_rejects) >= 0).all()
