import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.inference.confirmation import UNFITTED, Confirmation


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(12, 60), st.floats(0.5, 40)), min_size=1, max_size=3))
def test_no_kind_of_speech_gives_more_false_alarms_than_are_let_pass(kinds):
    seeds, sizes, word_hours = zip(*kinds, strict=True)
    drawn = [np.random.default_rng(seed).permutation(901)[:n] for seed, n in zip(seeds, sizes, strict=True)]
    scores = [(-some / 100).tolist() for some in drawn]
    found = Confirmation.fitted(scores, word_hours)
    for per_hour in (1, 10):
        least = found.threshold(per_hour)
        n_passed = [sum(score > least + 1e-9 for score in some) for some in scores]
        assert all(n <= per_hour * hours for n, hours in zip(n_passed, word_hours, strict=True))
        may = [min(math.floor(per_hour * h), len(s) - 1) for h, s in zip(word_hours, scores, strict=True)]
        assert any(n >= most for n, most in zip(n_passed, may, strict=True)), "the strictest kind lets all pass"


def test_ten_times_as_many_pass_at_a_lower_threshold():
    found = Confirmation(-1.0, -0.5)
    assert [found.threshold(per_hour) for per_hour in (0.1, 1, 10, 100)] == pytest.approx([-0.5, -1, -1.5, -2])
    assert UNFITTED.threshold(10) < UNFITTED.threshold(1)


def test_a_kind_without_false_alarms_decides_nothing_and_none_is_refused():
    assert Confirmation.fitted([[-2.0, -3.0, -4.0], []], [1, 1]) == Confirmation.fitted([[-2.0, -3.0, -4.0]], [1])
    with pytest.raises(ValueError, match="no false alarm at all: more speech"):
        Confirmation.fitted([[], []], [1, 1])
