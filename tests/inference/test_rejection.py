"""None of these: the evidence, the logistic model of it, its thresholds, and that they travel with the recogniser."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from speech.data.dataset import Clip
from speech.evaluation import calibration
from speech.evaluation.calibration import reliability
from speech.inference.batch import transcribe
from speech.inference.rejection import (
    EVIDENCE,
    FARTHEST,
    Rejection,
    evidence,
    filler_path,
    mean_frame_entropy,
    probability,
)
from speech.inference.runtime import Runtime
from speech.inference.score import score
from speech.inference.scoring import Frames
from speech.inference.transcriber import Transcriber
from speech.model.onnx_graph import to_onnx
from speech.model.recognizer import Recognizer
from speech.text.alphabet import Alphabet
from speech.training.calibration import calibrate, fit, threshold
from speech.training.trials import LISTED, OTHER_NAME, SPLICED, Trials

ALPHABET = Alphabet("abc")
NAMES = ["a", "ab", "abc", "cab", "bb", "cc"]
REJECTION = Rejection([-2.0, 1.5, 0.7, 0.3], {"0.01": 0.2, "0.05": 0.6}, "0.05")


def frames(seed, n_frames=9, sharpness=2.0):
    logits = np.random.default_rng(seed).normal(scale=sharpness, size=(n_frames, len(ALPHABET)))
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def free_score(log_probs):
    return float(score(log_probs, [filler_path(log_probs)])[0])


def none(log_probs, names):
    scores = score(log_probs, [ALPHABET.encode(name) for name in names])
    seen = evidence(float(scores.max()), free_score(log_probs), mean_frame_entropy(log_probs), len(names))
    return REJECTION.none(seen)


@given(st.integers(0, 10_000), st.permutations(NAMES), st.integers(1, 6))
def test_the_order_of_the_names_does_not_matter_and_it_is_a_probability(seed, order, n):
    log_probs = frames(seed)
    found = none(log_probs, order[:n])
    assert found == pytest.approx(none(log_probs, sorted(order[:n])))
    assert 0 <= found <= 1


@given(st.integers(0, 10_000), st.permutations(NAMES), st.integers(1, 5))
def test_a_name_that_fits_better_than_the_best_never_makes_none_likelier(seed, order, n):
    log_probs = frames(seed)
    fits = dict(zip(order, score(log_probs, [ALPHABET.encode(name) for name in order]), strict=True))
    best = max(order[:n], key=fits.__getitem__)
    for other in order[n:]:
        changed = none(log_probs, [other if name == best else name for name in order[:n]])
        assert (changed <= none(log_probs, order[:n])) == (fits[other] >= fits[best]) or np.isclose(
            changed, none(log_probs, order[:n])
        )


def test_the_freest_reading_is_never_worse_than_its_own_path_and_noise_is_doubtful():
    for seed in range(20):
        log_probs = frames(seed)
        assert free_score(log_probs) >= log_probs.max(axis=1).sum() - 1e-9
        assert mean_frame_entropy(frames(seed, sharpness=0.1)) > mean_frame_entropy(log_probs) > 0
    assert mean_frame_entropy(np.zeros((3, 4)) - np.log(4)) == pytest.approx(np.log(4))


def test_a_clip_that_can_hold_no_name_and_frames_that_are_certain_are_finite():
    assert evidence(-np.inf, -1.0, 0.0, 1)[0] == np.log1p(FARTHEST)
    with np.errstate(divide="ignore"):
        certain = np.log(np.eye(4)[[1, 0, 2]])
    assert mean_frame_entropy(certain) == 0
    assert evidence(0.0, free_score(certain), 0.0, 1)[0] == 0  # a name that fits as well as anything lacks nothing
    assert none(frames(0, n_frames=2), ["abc"]) > none(frames(0, n_frames=2), ["a"])


def planted(n, weights, seed):
    """Trials whose kinds are drawn from a logistic model of known weights."""
    rng = np.random.default_rng(seed)
    evidences = rng.normal([1, 0.5, 3], [1, 0.3, 2], size=(n, 3))
    kinds = np.where(rng.random(n) < probability(weights, evidences), OTHER_NAME, LISTED)
    return Trials(evidences, kinds)


def test_a_planted_model_is_found_again():
    # At this bias both classes are as common, so that weighing them changes nothing.
    found = fit(planted(20_000, [-3.0, 2.0, 2.0, 0.0], seed=0))
    assert found == pytest.approx([-3.0, 2.0, 2.0, 0.0], abs=0.15)


def test_the_fit_is_scikit_learns():
    trials = planted(300, [-1.0, 2.0, -2.0, 0.5], seed=1)
    spread = trials.evidences.std(axis=0)
    ours = fit(trials)
    theirs = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000)
    theirs.fit((trials.evidences - trials.evidences.mean(axis=0)) / spread, trials.none, sample_weight=trials.weights)
    assert ours[1:] == pytest.approx(theirs.coef_[0] / spread, rel=1e-4)


def test_trials_that_are_told_apart_without_error_give_finite_weights():
    evidences = np.column_stack([np.repeat([0.0, 5.0], 20), np.zeros(40), np.ones(40)])
    weights = fit(Trials(evidences, np.repeat([LISTED, SPLICED], 20)))
    assert np.isfinite(weights).all()
    assert probability(weights, evidences[0]) < 0.1 < 0.9 < probability(weights, evidences[-1])


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.1])
def test_the_threshold_keeps_its_rate_on_fresh_draws(rate):
    """Over many draws the mean is k / (n + 1), by theory; here for scores of a lopsided distribution."""
    rng = np.random.default_rng(0)
    accepted = [(rng.beta(5, 1, 500) < threshold(rng.beta(5, 1, 250), rate)).mean() for _ in range(400)]
    k = int(rate * 251)
    assert np.mean(accepted) == pytest.approx(k / 251, abs=4 * np.std(accepted) / 20)
    assert np.mean(accepted) < rate * 1.1


def test_too_few_sounds_for_a_rate_accept_nothing():
    assert threshold(np.linspace(0.5, 1, 50), 0.01) == 0.0


def test_calibration_error_is_0_for_what_holds_and_seen_where_it_does_not():
    trials = planted(50_000, [0.0, 1.0, 0.0, -0.33], seed=2)
    nones = probability([0.0, 1.0, 0.0, -0.33], trials.evidences)
    equally = Trials(trials.evidences, trials.kinds)
    equally = equally.none, equally.weights
    assert reliability(*equally, nones)["expected_calibration_error"] < 0.02
    too_sure = probability([0.0, 4.0, 0.0, -1.32], trials.evidences)
    assert reliability(*equally, too_sure)["expected_calibration_error"] > 0.1
    assert sum(row["proportion"] for row in reliability(*equally, nones)["reliability"]) == pytest.approx(1)


class Speller(Transcriber):
    """What ``calibrate`` asks of a recogniser, on clips whose samples are their letters: a good ear."""

    alphabet = Alphabet()
    sample_rate = 16_000
    frame_s = 0.02

    def log_probs(self, waveform):
        path = np.abs(np.round(np.asarray(waveform) * 32768)).astype(int) % len(self.alphabet)
        logits = np.random.default_rng(path).normal(scale=1.5, size=(len(path), len(self.alphabet)))
        logits[np.arange(len(path)), path] += 6
        return Frames(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))


def clips(names, n_each=6):
    alphabet = Alphabet()
    spelt = {
        name: np.repeat([0, *np.array([(s, 0) for s in alphabet.encode(name)]).flat], 2).astype(np.int16)
        for name in names
    }
    return [Clip(f"{name}{i}", name, f"s{i}", "en", spelt[name]) for name in names for i in range(n_each)]


TWELVE = ["Anna", "Boris", "Chloé", "David", "Ngozi", "Martin", "Sophie", "Hugo", "Yasmin", "Victor", "Olga", "Peter"]


def test_calibrating_refuses_what_is_not_listed_and_says_how_well():
    rejection, report = calibrate(Speller(), clips(TWELVE), [*TWELVE, "Quentin"], None, 0.05, seed=0)
    assert rejection.false_accept_rate == "0.05"
    assert rejection.weights[1] > 0  # the worse the best name fits, the likelier it is none
    accepted = report["accepted"]["0.05"]
    assert accepted["listed"] > 0.9
    assert accepted["another name"] <= 0.1
    assert list(rejection.thresholds.values()) == sorted(rejection.thresholds.values())
    assert "it accepts\n  another name" in calibration.summary(report)
    again, _ = calibrate(Speller(), clips(TWELVE), [*TWELVE, "Quentin"], None, 0.05, seed=0)
    assert again == rejection


def test_too_few_clips_are_said_and_a_rate_without_a_threshold_is_refused():
    assert calibrate(Speller(), clips(["Anna", "Bob"]), [], None, 0.05, 0)[0] is None
    reason = calibrate(Speller(), clips(["Anna", "Bob"]), [], None, 0.05, 0)[1]
    assert "12 validation clips of 2 names" in calibration.summary(reason)
    with pytest.raises(ValueError, match=r"false_accept_rate=0.03 is none of 0.01, 0.02, 0.05, 0.1"):
        calibrate(Speller(), clips(TWELVE), [], None, 0.03, 0)
    with pytest.raises(ValueError, match=r"false_accept_rate=0.5: there are thresholds for 0.01, 0.05"):
        REJECTION.at(0.5)


def noise(n_samples):
    """It swells and fades: what stays as it is from end to end holds no name."""
    return (np.random.default_rng(0).normal(scale=0.1, size=n_samples) * np.hanning(n_samples)).astype(np.float32)


def test_it_travels_with_both_files_and_torch_and_onnx_agree(tmp_path, make_recognizer):
    import onnx

    recognizer = make_recognizer(n_units=16, n_layers=1)
    recognizer.rejection = REJECTION
    recognizer.save(tmp_path / "recognizer.pt")
    onnx.save(to_onnx(recognizer, card=""), tmp_path / "recognizer.onnx")
    loaded, runtime = Recognizer.load(tmp_path / "recognizer.pt"), Runtime(tmp_path / "recognizer.onnx")
    assert loaded.rejection == runtime.rejection == REJECTION
    for names in (["Martin"], ["Martin", "Mark", "Chloé"]):
        ours, theirs = (heard.transcribe((noise(12_000), 16_000), names) for heard in (loaded, runtime))
        assert theirs.none == pytest.approx(ours.none, abs=1e-3)
        assert theirs.accepted == ours.accepted == (ours.none < 0.6)
        assert sum(p for _, p in ours.names) == pytest.approx(1)  # still given that one of them was said
    assert loaded.transcribe((noise(12_000), 16_000), []).none is None


def test_a_file_of_before_loads_and_says_nothing(tmp_path, make_recognizer):
    make_recognizer().save(tmp_path / "old.pt")
    assert "rejection" not in torch.load(tmp_path / "old.pt", weights_only=True)
    heard = Recognizer.load(tmp_path / "old.pt").transcribe((noise(12_000), 16_000))
    assert (heard.none, heard.accepted) == (None, None)


def test_transcribe_says_none_of_these_and_takes_another_rate(tmp_path, make_recognizer, recordings, compose, capsys):
    recognizer = make_recognizer()
    clip = recordings / "one" / "f1_0.wav"
    arguments = [f"clips={clip}", f"recognizer={tmp_path / 'r.pt'}"]
    recognizer.save(tmp_path / "r.pt")
    with pytest.raises(ValueError, match=r"false_accept_rate=0.01: .* was not calibrated.*python -m speech\.calibrate"):
        transcribe(compose("transcribe", *arguments, "false_accept_rate=0.01"))
    bias = [-9.0, 0, 0, 0]  # p(none) is 0.0001, whatever is said
    recognizer.rejection = Rejection(bias, {"0.01": 0.0, "0.05": 0.5}, "0.05")
    recognizer.save(tmp_path / "r.pt")
    transcribe(compose("transcribe", *arguments))
    assert "none of these" not in capsys.readouterr().out
    transcribe(compose("transcribe", *arguments, "false_accept_rate=0.01"))
    assert "none of these 0.000; else Mar" in capsys.readouterr().out
    transcribe(compose("transcribe", *arguments, "json=true"))
    assert '"none": 0.0001' in capsys.readouterr().out
    assert len(EVIDENCE) == 3
