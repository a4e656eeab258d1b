import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.inference import prefix_beam
from speech.inference.decode import Beam
from speech.inference.prefix_beam import n_best
from speech.inference.score import score


def log_probs(seed, n_frames, n_symbols):
    logits = np.random.default_rng(seed).normal(size=(n_frames, n_symbols)) * 2
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


@given(st.integers(0, 10_000), st.integers(1, 4))
def test_a_beam_wide_enough_finds_each_string_with_its_exact_probability(seed, n_frames):
    clip = log_probs(seed, n_frames, 3)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(prefix_beam, "SURELY_BLANK", 1.0)
        (found,) = n_best(clip[None], np.array([n_frames]), width=64)
    strings = [s for n in range(n_frames + 1) for s in itertools.product((1, 2), repeat=n)]
    exact = {s: p for s, p in zip(strings, np.exp(score(clip, strings)), strict=True) if p > 0}
    assert dict(found) == pytest.approx(exact)
    assert [p for _, p in found] == pytest.approx(sorted(exact.values(), reverse=True))


def test_the_best_is_that_of_the_beam_search_of_one_clip():
    for seed in range(20):
        clip = log_probs(seed, 12, 6)
        (found,) = n_best(clip[None], np.array([12]), width=16)
        assert list(found[0][0]) == Beam(16)(clip)


def test_an_item_is_the_same_alone_and_in_a_batch():
    clips = [log_probs(seed, n, 8) for seed, n in enumerate((3, 9, 6))]
    padded = np.full((3, 9, 8), -1.0)
    for row, clip in zip(padded, clips, strict=True):
        row[: len(clip)] = clip
    together = n_best(padded, np.array([3, 9, 6]), width=4)
    for clip, found in zip(clips, together, strict=True):
        (alone,) = n_best(clip[None], np.array([len(clip)]), width=4)
        assert found == alone


def test_frames_that_are_surely_blank_part_repeats_and_change_little():
    sure = np.full((9, 3), 1e-5)
    for frame, symbol in enumerate([0, 1, 0, 0, 1, 2, 0, 2, 0]):
        sure[frame, symbol] = 1 - 2e-5 if symbol == 0 else 0.9
    clip = np.log(sure / sure.sum(axis=1, keepdims=True))
    (found,) = n_best(clip[None], np.array([9]), width=4)
    assert found[0][0] == (1, 1, 2, 2)
    assert found[0][1] == pytest.approx(np.exp(score(clip, [[1, 1, 2, 2]])[0]), abs=2e-3)
