import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.metrics import Heard, cer, figures, n_edits, wilson

TEXTS = st.text("abc", max_size=6)


@given(TEXTS, TEXTS, TEXTS)
def test_edits_are_a_distance(a, b, c):
    assert n_edits(a, a) == 0
    assert n_edits(a, b) == n_edits(b, a)
    assert n_edits(a, c) <= n_edits(a, b) + n_edits(b, c)


def test_cer_counts_all_edits_over_all_letters():
    assert cer([("martin", "marvin"), ("mark", "mark")]) == pytest.approx(1 / 10)
    assert cer([("mark", "")]) == 1


def test_figures_count_letters_and_names_apart():
    heard = [
        Heard("1", "s", "martin", "martn", [("martin", 0.9), ("mark", 0.1)]),
        Heard("2", "s", "mark", "mark", [("martin", 0.6), ("mark", 0.4)]),
    ]
    found = figures(heard)
    assert found["n_clips"] == 2
    assert found["letter_perfect"] == found["right_within_list"] == 0.5


def test_the_interval_holds_the_proportion_and_narrows():
    assert wilson(0, 0) == (0, 1)
    low, high = wilson(99, 100)
    assert low < 0.99 < high < 1
    assert wilson(990, 1000)[0] > low
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-3)  # Wilson's interval as R's prop.test gives it
