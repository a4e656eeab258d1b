import itertools

import numpy as np
import pytest
from scipy import stats

from speech.evaluation.intervals import bootstrap, proportion, ratio_interval, sign_flips, student, wilson
from speech.evaluation.metrics import error_rate


def test_the_interval_holds_the_proportion_and_narrows():
    assert wilson(0, 0) == (0, 1)
    low, high = wilson(99, 100)
    assert low < 0.99 < high < 1
    assert wilson(990, 1000)[0] > low
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-3)  # Wilson's interval as R's prop.test gives it


def clips_of(n_speakers, n_takes, trial):
    """Some speakers are easy: the chance that a clip is correct is drawn by speaker, 0.8 on average.

    ``n_takes`` is the number of clips of each speaker, or the numbers of each.
    """
    rng = np.random.default_rng(trial)
    speaker = np.repeat(np.arange(n_speakers), n_takes)
    hits = rng.random(len(speaker)) < rng.beta(4, 1, n_speakers)[speaker]
    return hits, [str(one) for one in speaker]


def coverage(interval, n_speakers, n_takes, n_trials=200):
    """How often ``interval(hits, speakers)`` holds the truth."""
    ends = [interval(*clips_of(n_speakers, n_takes, trial)) for trial in range(n_trials)]
    return sum(low <= 0.8 <= high for low, high in ends) / n_trials


def of_errors(hits, speakers):
    """The interval of a rate that is no proportion, as the character error rate is."""
    low, high = ratio_interval(2.0 * ~hits, np.full(len(hits), 2.0), speakers)
    return 1 - high, 1 - low


@pytest.mark.parametrize(("n_speakers", "n_takes"), [(2, 20), (6, 20), (12, 20), (60, 10), (200, 1)])
@pytest.mark.parametrize(("interval", "least"), [(proportion, 0.9), (of_errors, 0.86)])
def test_a_95_percent_interval_holds_the_truth_with_few_speakers_too(interval, least, n_speakers, n_takes):
    assert least <= coverage(interval, n_speakers, n_takes) <= 1


@pytest.mark.parametrize("n_speakers", [2, 6, 12])
def test_an_interval_that_takes_clips_for_independent_would_be_found(n_speakers):
    """The planted fault: Wilson's alone; of two speakers, a bootstrap too."""
    assert coverage(lambda hits, speakers: wilson(hits.sum(), len(hits)), n_speakers, 20) < 0.75
    if n_speakers == 2:
        assert coverage(lambda hits, speakers: bootstrap(hits, np.ones(len(hits)), speakers), 2, 20, 60) < 0.85


@pytest.mark.parametrize("interval", [proportion, of_errors])
@pytest.mark.parametrize("n_takes", [[200] + 5 * [10], [300] + 11 * [15], [40, 25, 10, 5, 5, 3]])
def test_an_interval_holds_the_truth_where_one_speaker_said_most_of_the_clips(interval, n_takes):
    assert coverage(interval, len(n_takes), n_takes) >= 0.9


@pytest.mark.parametrize("n", [1, 2, 5, 10, 11, 12, 30, 200])
def test_students_t_is_scipys(n):
    assert student(n) == pytest.approx(stats.t.ppf(0.975, n), abs=5e-4)
    assert stats.t.ppf(0.975, n + 0.5) - 5e-4 < student(n + 0.5) < student(n)


def test_clips_of_one_speaker_that_agree_count_as_few():
    speakers = [str(i // 20) for i in range(400)]
    hits = [i // 20 < 14 for i in range(400)]  # 14 of 20 speakers, in every clip
    low, high = proportion(hits, speakers)
    alone = proportion(hits, [str(i) for i in range(400)])
    assert high - low > 3 * (alone[1] - alone[0])
    assert bootstrap(hits, np.ones(400), speakers) == pytest.approx(
        (0.5, 0.9), abs=0.03
    )  # of 20 speakers: 2.5 and 97.5 % of Binomial(20, 0.7)


def test_two_speakers_that_happen_to_agree_are_not_certainty():
    low, high = proportion([True, True, True, False] * 2, ["a"] * 4 + ["b"] * 4)
    assert low < 0.6
    assert high > 0.85


def test_clips_that_all_have_the_same_error_rate_leave_room_on_either_side():
    blank = error_rate([5] * 20, [5] * 20, ["a", "b"] * 10)
    assert blank.value == blank.high == 1
    assert blank.low == pytest.approx(wilson(20, 20)[0])
    alone = error_rate([3], [6], ["a"])
    assert alone.low < 0.2
    assert alone.high > 0.8
    longer = error_rate([9], [6], ["a"])
    assert longer.low < 1 < longer.value == longer.high


def test_all_right_is_not_certainty():
    assert proportion([True] * 20, ["a"] * 20) == wilson(20, 20)
    assert proportion([True] * 20, ["a", "b"] * 10) == wilson(20, 20)
    assert proportion([False] * 20, ["a", "b"] * 10)[1] > 0.1
    none = error_rate([0] * 20, [5] * 20, ["a", "b"] * 10)
    assert (none.value, none.low) == (0, 0)
    assert 0 < none.high == wilson(0, 20)[1]
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


@pytest.mark.parametrize(("ours", "theirs"), [(0, 0), (1, 0), (5, 5), (3, 17), (40, 12), (130, 90)])
def test_sign_flips_of_a_clip_a_speaker_are_the_exact_sign_test(ours, theirs):
    expected = stats.binomtest(ours, ours + theirs, 0.5).pvalue if ours + theirs else 1.0
    changes = [1] * ours + [-1] * theirs
    for speakers in (list(map(str, range(len(changes)))), ["unknown"] * len(changes)):
        assert sign_flips(changes, speakers) == pytest.approx(expected)
        assert sign_flips([-one for one in changes], speakers) == pytest.approx(expected)


def test_sign_flips_are_all_choices_of_a_sign_for_each_speaker():
    rng = np.random.default_rng(0)
    for _ in range(20):
        changes, speakers = rng.integers(-1, 2, 40), rng.integers(0, 6, 40).astype(str)
        sums = np.array([changes[speakers == one].sum() for one in sorted(set(speakers))])
        every = np.array(list(itertools.product((-1, 1), repeat=len(sums)))) @ sums
        assert sign_flips(changes, speakers) == pytest.approx((abs(every) >= abs(sums.sum())).mean())


def test_speakers_that_differ_are_no_difference_of_recognisers():
    """Each suits some speakers, in all of their clips: by clips, a third and more of such pairs would differ."""
    rng = np.random.default_rng(1)
    by_speaker, by_clip = 0, 0
    for _ in range(100):
        leaning = rng.normal(0, 0.4, (12, 1))
        changes = np.where(rng.random((12, 12)) < 0.5, np.where(rng.random((12, 12)) < 0.5 + leaning, 1, -1), 0).ravel()
        speakers = [str(i // 12) for i in range(144)]
        by_speaker += sign_flips(changes, speakers) < 0.05
        by_clip += sign_flips(changes, list(map(str, range(144)))) < 0.05
    assert by_speaker <= 10
    assert by_clip >= 20
