import numpy as np
import pytest

from speech.inference.label_prior import LabelPrior
from speech.inference.score import score
from speech.inference.scoring import Frames
from speech.model.recognizer import Recognizer
from speech.text.alphabet import Alphabet

ALPHABET = Alphabet("abcd")


def posteriors(rows):
    return np.log(np.array(rows))


def test_no_weight_changes_nothing_and_a_flat_prior_no_order():
    log_probs = posteriors(np.random.default_rng(0).dirichlet(np.ones(5), 12))
    np.testing.assert_array_equal(LabelPrior([-1.0, -2, -3, -4, -5], 0.0)(log_probs), log_probs)
    names = [ALPHABET.encode(name) for name in ("ab", "abc", "cd", "d")]
    flat = score(LabelPrior([-1.5] * 5, 0.7)(log_probs), names)
    np.testing.assert_allclose(flat - score(log_probs, names), 0.7 * 1.5 * len(log_probs))


def test_a_longer_name_that_was_said_overtakes_a_shorter_one_that_a_shy_network_prefers():
    """The network says blank more than half of the time, whatever it hears; only what differs from that is evidence."""
    shy = np.array([0.8, 0.05, 0.05, 0.05, 0.05])
    rows = [shy.copy() for _ in range(5)]
    for frame, letter in [(0, 1), (2, 2), (4, 3)]:  # a, b, c: each far likelier than it ever is, and less so than blank
        rows[frame] = np.array([0.6, 0.05, 0.05, 0.05, 0.05])
        rows[frame][letter] = 0.25
    log_probs = posteriors(rows)
    names = [ALPHABET.encode(name) for name in ("a", "abc")]
    assert score(log_probs, names).argmax() == 0
    assert score(LabelPrior(np.log(shy).tolist(), 1.0)(log_probs), names).argmax() == 1


def test_ranking_takes_it_off_and_spelling_does_not(make_recognizer, tmp_path):
    recognizer, rng = make_recognizer(), np.random.default_rng(0)
    log_probs = posteriors(rng.dirichlet(np.ones(len(recognizer.alphabet)), 30))
    frames = Frames(log_probs)
    lexicon = recognizer.lexicon(["Martin", "Mark", "Al"])
    plain, letters = dict(recognizer.rank(frames, lexicon)), recognizer.decoder(log_probs)
    recognizer.label_prior = LabelPrior(rng.normal(-3, 1, len(recognizer.alphabet)).tolist(), 0.5)
    weighed = dict(recognizer.rank(frames, lexicon))
    scores = score(recognizer.label_prior(log_probs), [entry.letters for entry in lexicon.values()])
    assert weighed["Martin"] / weighed["Al"] == pytest.approx(np.exp(scores[0] - scores[2]))
    assert weighed != plain
    assert recognizer.decoder(log_probs) == letters
    recognizer.save(tmp_path / "recognizer.pt")
    assert dict(Recognizer.load(tmp_path / "recognizer.pt").rank(frames, lexicon)) == weighed
