"""Whether a training has taught anything, by its predictions for validation clips."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.common.counting import counted
from speech.evaluation.format import unlearnt as line_of
from speech.evaluation.learning import unlearnt
from speech.evaluation.prediction import Prediction

NAMES = [f"name{chr(97 + i)}" for i in range(12)]


def predictions(refs, firsts, hyps):
    return [
        Prediction(str(i), "s", ref, hyp, [(first, 0.9), *((one, 0.0) for one in NAMES if one != first)])
        for i, (ref, first, hyp) in enumerate(zip(refs, firsts, hyps, strict=True))
    ]


@given(st.lists(st.sampled_from(NAMES), min_size=1), st.sampled_from(NAMES))
def test_only_blanks_are_told_whatever_is_ranked_first(refs, first):
    found = unlearnt(predictions(refs, [first] * len(refs), [""] * len(refs)), "x=1")
    assert found.n_silent == len(refs)
    assert f"none of {counted(len(refs), 'validation clip')} has a letter, only blanks: train longer (x=1)" in line_of(
        found
    )


@given(st.integers(2, 12), st.integers(0, 99))
def test_one_answer_for_every_clip_is_told(n_names, seed):
    """However often each name is said."""
    rng = np.random.default_rng(seed)
    refs = [NAMES[i] for i in rng.choice(n_names, 60, p=rng.dirichlet(np.full(n_names, 5)))]
    found = unlearnt(predictions(refs, [refs[0]] * 60, ["a"] * 60), "x=1")
    assert f"the name is first in {refs.count(refs[0])} of 60 validation clips, chance gives" in line_of(found)


@pytest.mark.parametrize("n_names", [2, 3, 12])
def test_guesses_are_told_nearly_always_and_what_is_learnt_never(n_names):
    rng = np.random.default_rng(0)
    told = []
    for _ in range(200):
        refs, guesses = ([NAMES[i] for i in rng.integers(n_names, size=60)] for _ in range(2))
        told.append(unlearnt(predictions(refs, guesses, guesses), "") is not None)
        learnt = [ref if rng.random() < 0.8 else guess for ref, guess in zip(refs, guesses, strict=True)]
        assert unlearnt(predictions(refs, learnt, learnt), "") is None
    assert np.mean(told) > 0.95


@pytest.mark.parametrize(("n_clips", "n_names"), [(1, 1), (40, 1), (2, 2), (1, 3)])
def test_of_too_few_clips_or_names_to_tell_from_chance_nothing_is_said(n_clips, n_names):
    refs = [NAMES[i % n_names] for i in range(n_clips)]
    assert unlearnt(predictions(refs, refs, refs), "") is None
    assert unlearnt([], "") is None
