"""The rejection's logistic model and thresholds, fitted to clips with and without their names in lists."""

import numpy as np
import pytest
from path_transcriber import ALPHABET, PathTranscriber, clips
from sklearn.linear_model import LogisticRegression

from speech.evaluation import text
from speech.evaluation.calibration import reliability
from speech.inference.rejection import probability
from speech.training.calibration import calibrate, fit, threshold
from speech.training.trials import LEAST_CLIPS, LISTED, OTHER_NAME, SPLICED, Trials, of_people

TWELVE = ["Anna", "Boris", "Chloé", "David", "Ngozi", "Martin", "Sophie", "Hugo", "Yasmin", "Victor", "Olga", "Peter"]


def planted(n, weights, seed):
    """Trials whose kinds are drawn from a logistic model of known weights."""
    rng = np.random.default_rng(seed)
    evidences = rng.normal([1, 0.5, 3], [1, 0.3, 2], size=(n, 3))
    kinds = np.where(rng.random(n) < probability(weights, evidences), OTHER_NAME, LISTED)
    return Trials(evidences, kinds)


def test_the_fit_is_scikit_learns():
    trials = planted(300, [-1.0, 2.0, -2.0, 0.5], seed=1)
    mean, spread = trials.evidences.mean(axis=0), trials.evidences.std(axis=0)
    theirs = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000)
    theirs.fit((trials.evidences - mean) / spread, trials.out_of_list, sample_weight=trials.weights)
    own = theirs.coef_[0] / spread
    assert fit(trials) == pytest.approx([theirs.intercept_[0] - own @ mean, *own], rel=1e-4)


def test_separable_trials_give_finite_weights():
    evidences = np.column_stack([np.repeat([0.0, 5.0], 20), np.zeros(40), np.ones(40)])
    weights = fit(Trials(evidences, np.repeat([LISTED, SPLICED], 20)))
    assert np.isfinite(weights).all()
    assert probability(weights, evidences[0]) < 0.1 < 0.9 < probability(weights, evidences[-1])


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.1])
def test_the_threshold_keeps_its_rate_on_fresh_draws(rate):
    """Over many draws the mean is k / (n + 1), by theory; here for scores of a skewed distribution."""
    rng = np.random.default_rng(0)
    accepted = [(rng.beta(5, 1, 500) < threshold(rng.beta(5, 1, 250), rate)).mean() for _ in range(400)]
    k = int(rate * 251)
    assert np.mean(accepted) == pytest.approx(k / 251, abs=4 * np.std(accepted) / 20)
    assert np.mean(accepted) < rate * 1.1


def test_too_few_sounds_for_a_rate_accept_nothing():
    assert threshold(np.linspace(0.5, 1, 50), 0.01) == 0.0


def test_calibration_error_is_0_for_a_true_model_and_seen_in_a_wrong_one():
    trials = planted(50_000, [0.0, 1.0, 0.0, -0.33], seed=2)
    true, too_sure = (probability(weights, trials.evidences) for weights in ([0, 1, 0, -0.33], [0, 4, 0, -1.32]))
    error, bins = reliability(trials.out_of_list, trials.weights, true)
    assert error < 0.02
    assert reliability(trials.out_of_list, trials.weights, too_sure)[0] > 0.1
    assert sum(one.proportion for one in bins) == pytest.approx(1)


def test_a_calibrated_recogniser_rejects_what_is_out_of_list():
    letters, some = PathTranscriber(inventory=None), clips(TWELVE, n_each=6, phones=None)
    rejection, report = calibrate(letters, some, [*TWELVE, "Quentin"], None, 0.05, seed=0)
    assert rejection.false_accept_rate == "0.05"
    assert rejection.weights[1] > 0  # the worse the best name fits, the likelier it is out of list
    assert (report.n_clips, report.n_speakers) == (len(some), len({clip.speaker for clip in some}))
    accepted = report.accepted["0.05"]
    assert accepted[LISTED] > 0.9
    assert accepted[OTHER_NAME] <= 0.1
    assert list(rejection.thresholds.values()) == sorted(rejection.thresholds.values())
    assert report.rejected[LISTED] <= 0.02, "few of a list's own names are called none of it"
    assert report.rejected[OTHER_NAME] > 0.5
    assert OTHER_NAME in text.calibration(report)
    assert calibrate(letters, some, [*TWELVE, "Quentin"], None, 0.05, seed=0)[0] == rejection


def test_a_recogniser_that_would_reject_its_own_names_rejects_nothing(monkeypatch):
    """Planted: of one half of the names a fifth of the clips fit no better than other words, of the other half none."""
    rng = np.random.default_rng(0)

    def half(proportion):
        ratios = np.concatenate([rng.normal(0, 0.1, 200), rng.normal(5, 0.5, 400)])
        ratios[: int(200 * proportion)] = rng.normal(5, 0.5, int(200 * proportion))
        kinds = np.repeat([LISTED, OTHER_NAME, SPLICED], 200)
        return Trials(np.column_stack([ratios, np.zeros(600), np.ones(600)]), kinds)

    decided = []
    for proportion in (0.0, 0.2):
        halves = [half(0.0), half(proportion)]
        monkeypatch.setattr("speech.training.calibration._halves", lambda *_, halves=halves: halves)
        some = clips(TWELVE, n_each=6, phones=None)
        rejection, report = calibrate(PathTranscriber(inventory=None), some, TWELVE, None, 0.05, seed=0)
        said = "this recogniser cannot reject yet: no clip is reported as out of list" in text.calibration(report)
        decided.append((said, report.rejected[OTHER_NAME] > 0.5, any(rejection.decide(1.0, spelt=False))))
    assert decided == [(False, True, False), (True, False, True)]


def test_too_few_clips_and_a_rate_without_a_threshold_are_told():
    letters = PathTranscriber(inventory=None)
    rejection, report = calibrate(letters, clips(["Anna", "Bob"], 6, phones=None), [], None, 0.05, 0)
    assert rejection is None
    assert "12 validation clips of 2 names" in text.calibration(report)
    with pytest.raises(ValueError, match=r"false_accept_rate=0.03 is not one of 0.01, 0.02, 0.05, 0.1"):
        calibrate(letters, clips(TWELVE, phones=None), [], None, 0.03, 0)


def test_what_is_fitted_is_of_people_where_there_are_enough_of_them():
    synthetic = [clip._replace(speaker=f"espeak:{i}") for i, clip in enumerate(clips(TWELVE, n_each=4))]
    people = [clip._replace(speaker=f"p{i}") for i, clip in enumerate(clips(TWELVE, n_each=4))]
    assert of_people([*synthetic, *people], ALPHABET) == people
    assert of_people(synthetic, ALPHABET) == synthetic
    few = people[: LEAST_CLIPS - 1]
    assert of_people([*synthetic, *few], ALPHABET) == [*synthetic, *few]
    of_one_name = [clip._replace(name="Anna") for clip in people]
    assert of_people([*synthetic, *of_one_name], ALPHABET) == [*synthetic, *of_one_name]
