"""scripts/cut_words.py: which runs of an utterance's words become clips."""

import cut_words
import numpy as np
import pytest
from cut_words import HELD_OUT, RATE

from speech.data.running_speech import LEAST_LETTERS, LENGTH_S, Word, runs


def spoken(text, second=0.4):
    """``text`` as the aligner gives it, each word of ``second`` seconds."""
    n = int(second * RATE)
    return [Word(word, i * n, (i + 1) * n) for i, word in enumerate(text.split())]


@pytest.mark.parametrize("seed", range(20))
def test_runs_are_of_neighbours_and_of_a_length_that_names_have(seed):
    words = spoken("he insists on the clearness of the picture and is it so", second=0.3 + seed / 20)
    found = list(runs(words, RATE, np.random.default_rng(seed)))
    at = [words.index(word) for run in found for word in run]
    assert at == sorted(set(at)), "no word is in two clips, and their order is kept"
    for run in found:
        assert 1 <= len(run) <= 3
        assert [words.index(word) for word in run] == list(range(words.index(run[0]), words.index(run[-1]) + 1))
        assert LENGTH_S[0] <= (run[-1].stop - run[0].start) / RATE <= LENGTH_S[1]
        assert len(run) > 1 or len(run[0].text) >= LEAST_LETTERS


def test_words_of_wake_word_tests_are_in_no_clip():
    rng = np.random.default_rng(0)
    words = spoken("said sheila to marvin said alexa " * 30)
    assert {word.text for run in runs(words, RATE, rng, HELD_OUT) for word in run} <= {"said", "to"}


def test_a_word_unknown_to_the_aligner_is_pronounced_by_its_symbols():
    assert cut_words._arpabet("martin") == ["M", "AA", "R", "T", "AH", "N"]
    assert "TH" in cut_words._arpabet("thaddeus")
