import numpy as np
import pytest

from speech.inference.label_prior import LabelPrior, corrected
from speech.inference.score import score
from speech.inference.scoring import LogProbs
from speech.text.alphabet import Alphabet

ALPHABET = Alphabet("abcd")


def test_no_weight_changes_no_score_and_a_flat_prior_no_order():
    log_probs = np.log(np.random.default_rng(0).dirichlet(np.ones(5), 12))
    np.testing.assert_array_equal(corrected(log_probs, [-1.0, -2, -3, -4, -5], 0.0), log_probs)
    names = [ALPHABET.encode(name) for name in ("ab", "abc", "cd", "d")]
    flat = score(corrected(log_probs, [-1.5] * 5, 0.7), names)
    np.testing.assert_allclose(flat - score(log_probs, names), 0.7 * 1.5 * len(log_probs))


def test_the_right_name_outranks_a_shorter_one_of_an_unsure_network():
    """The blank is likelier than any letter in every frame; only what differs from the mean is evidence."""
    mean = np.array([0.8, 0.05, 0.05, 0.05, 0.05])
    rows = [mean.copy() for _ in range(5)]
    for frame, letter in [(0, 1), (2, 2), (4, 3)]:  # a, b, c: each far likelier than its mean, and less so than blank
        rows[frame] = np.array([0.6, 0.05, 0.05, 0.05, 0.05])
        rows[frame][letter] = 0.25
    log_probs = np.log(np.array(rows))
    names = [ALPHABET.encode(name) for name in ("a", "abc")]
    assert score(log_probs, names).argmax() == 0
    assert score(corrected(log_probs, np.log(mean).tolist(), 1.0), names).argmax() == 1


def test_it_corrects_the_ranking_and_not_the_letters(make_recognizer):
    recognizer, rng = make_recognizer(), np.random.default_rng(0)
    log_probs = LogProbs(np.log(rng.dirichlet(np.ones(len(recognizer.alphabet)), 30)))
    lexicon = recognizer.lexicon(["Martin", "Mark", "Al"])
    plain = recognizer.decode(log_probs, lexicon)
    recognizer.label_prior = LabelPrior([rng.normal(-3, 1, len(recognizer.alphabet)).tolist()], [0.5])
    later = recognizer.decode(log_probs, lexicon)
    scores = score(recognizer.label_prior(log_probs).letters, [entry.letters.symbols[0] for entry in lexicon.values()])
    names = dict(later.names)
    assert names["Martin"] / names["Al"] == pytest.approx(np.exp(scores[0] - scores[2]))
    assert later.names != plain.names
    assert later.symbols == plain.symbols


def test_each_output_is_corrected_by_its_own_prior_and_weight():
    rng = np.random.default_rng(0)
    letters, phones = (np.log(rng.dirichlet(np.ones(n), 7)) for n in (3, 4))
    prior = LabelPrior([[-1.0, -2, -3], [-4.0, -3, -2, -1]], [0.5, 0.25])
    found = prior(LogProbs(letters, phones))
    np.testing.assert_allclose(found.letters - letters, np.tile([0.5, 1, 1.5], (7, 1)))
    np.testing.assert_allclose(found.phones - phones, np.tile([1, 0.75, 0.5, 0.25], (7, 1)))
