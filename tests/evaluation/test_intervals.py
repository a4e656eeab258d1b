import numpy as np
import pytest
from scipy import stats

from speech.evaluation.intervals import bootstrap, mcnemar, proportion, wilson


def test_the_interval_holds_the_proportion_and_narrows():
    assert wilson(0, 0) == (0, 1)
    low, high = wilson(99, 100)
    assert low < 0.99 < high < 1
    assert wilson(990, 1000)[0] > low
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-3)  # Wilson's interval as R's prop.test gives it


@pytest.mark.parametrize("n_takes", [1, 10])
def test_a_95_percent_interval_holds_the_truth_95_times_in_100(n_takes):
    """Some speakers are easy: the chance that a clip is correct is drawn by speaker, 0.8 on average."""
    rng = np.random.default_rng(0)
    n_speakers = 200 if n_takes == 1 else 60
    held = 0
    for trial in range(200):
        ease = rng.beta(4, 1, n_speakers)
        hits = rng.random((n_takes, n_speakers)) < ease
        low, high = proportion(hits.ravel().tolist(), [*map(str, range(n_speakers))] * n_takes, seed=trial)
        held += low <= 0.8 <= high
    assert 0.9 <= held / 200 <= 0.99


def test_clips_of_one_speaker_that_agree_count_as_few():
    speakers = [str(i // 20) for i in range(400)]
    hits = [i // 20 < 14 for i in range(400)]  # 14 of 20 speakers, in every clip
    low, high = bootstrap(hits, np.ones(400), speakers)
    alone = bootstrap(hits, np.ones(400), [str(i) for i in range(400)])
    assert high - low > 3 * (alone[1] - alone[0])
    assert (low, high) == pytest.approx((0.5, 0.9), abs=0.03)  # of 20 speakers: 2.5 and 97.5 % of Binomial(20, 0.7)


def test_two_speakers_that_happen_to_agree_are_not_certainty():
    low, high = proportion([True, True, True, False] * 2, ["a"] * 4 + ["b"] * 4)
    assert low < 0.6
    assert high > 0.85


def test_all_right_is_not_certainty():
    assert proportion([True] * 20, ["a"] * 20) == wilson(20, 20)
    assert proportion([], []) == (0, 1)


def test_it_agrees_with_scipys_bootstrap():
    rng = np.random.default_rng(1)
    edits, letters = rng.poisson(0.5, 300), rng.integers(3, 9, 300)
    theirs = stats.bootstrap(
        (edits, letters),
        lambda a, b, axis: a.sum(axis) / b.sum(axis),
        paired=True,
        method="percentile",
        n_resamples=3000,
        rng=np.random.default_rng(0),
        vectorized=True,
    ).confidence_interval
    ours = bootstrap(edits, letters, [str(i) for i in range(300)])
    assert ours == pytest.approx((theirs.low, theirs.high), rel=0.04)


def test_the_same_seed_draws_the_same():
    hits = [i % 3 == 0 for i in range(50)]
    assert proportion(hits, ["s"] * 50, 7) == proportion(hits, ["s"] * 50, 7)


@pytest.mark.parametrize(("ours", "theirs"), [(0, 0), (1, 0), (5, 5), (3, 17), (40, 12), (600, 500)])
def test_mcnemar_is_the_exact_sign_test(ours, theirs):
    expected = stats.binomtest(ours, ours + theirs, 0.5).pvalue if ours + theirs else 1.0
    assert mcnemar(ours, theirs) == pytest.approx(expected)
    assert mcnemar(ours, theirs) == mcnemar(theirs, ours)
