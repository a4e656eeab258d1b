import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchaudio.functional import forced_align

from speech.inference.align import align
from speech.inference.decode import Beam, Greedy, collapse
from speech.inference.score import score


def random_log_probs(n_frames, n_symbols, seed):
    logits = np.random.default_rng(seed).normal(scale=2, size=(n_frames, n_symbols))
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def spelling_probabilities(log_probs):
    """Oracle: every path there is, collapsed and summed."""
    total = {}
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        spelt = tuple(collapse(path))
        total[spelt] = total.get(spelt, 0.0) + np.exp(sum(log_probs[t, s] for t, s in enumerate(path)))
    return total


@given(st.integers(1, 5), st.integers(0, 10_000))
def test_scores_equal_the_sum_over_every_path(n_frames, seed):
    log_probs = random_log_probs(n_frames, 3, seed)
    every = spelling_probabilities(log_probs)
    texts = list(every)
    assert np.exp(score(log_probs, texts)) == pytest.approx([every[text] for text in texts], rel=1e-9)
    assert sum(every.values()) == pytest.approx(1)


@given(st.integers(1, 400), st.floats(0.1, 100), st.integers(0, 10_000))
def test_scores_are_torchs_however_small_the_probability(n_frames, scale, seed):
    rng = np.random.default_rng(seed)
    logits = torch.tensor(rng.normal(scale=scale, size=(n_frames, 1, 6)))
    texts = [rng.integers(1, 6, rng.integers(1, 9)).tolist() for _ in range(8)]
    log_probs = logits.log_softmax(dim=2)
    targets = [torch.tensor([text]) for text in texts]
    losses = [
        torch.nn.functional.ctc_loss(log_probs, text, [n_frames], [text.shape[1]], reduction="sum") for text in targets
    ]
    expected = -torch.stack(losses).numpy()
    assert score(log_probs[:, 0].numpy(), texts) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_text_that_does_not_fit_has_probability_zero():
    log_probs = random_log_probs(2, 3, 0)
    assert score(log_probs, [[1, 1], [1, 2, 1]]).tolist() == [-np.inf, -np.inf]
    with pytest.raises(ValueError, match="2 frames cannot hold"):
        align(log_probs, [1, 1])


@given(st.integers(1, 5), st.integers(0, 10_000))
def test_a_wide_beam_finds_the_likeliest_spelling(n_frames, seed):
    log_probs = random_log_probs(n_frames, 3, seed)
    every = spelling_probabilities(log_probs)
    found = every[tuple(Beam(width=400)(log_probs))]
    assert found == pytest.approx(max(every.values()))


def test_the_best_path_and_the_best_spelling_differ():
    # On paper: blank 0.6 a frame. Best path: blank, blank = 0.36. "a": 0.4 * 0.4 + 2 * 0.4 * 0.6 = 0.64.
    log_probs = np.log([[0.6, 0.4], [0.6, 0.4]])
    assert Greedy()(log_probs) == []
    assert Beam()(log_probs) == [1]


def test_a_line_of_handwriting_is_decoded_as_ctcdecoder_decodes_it():
    """CTCDecoder (Scheidl), tests/test_real_example.py; the files are its data/line/rnnOutput.csv and its symbols."""
    folder = Path(__file__).parents[1] / "published"
    logits = np.roll(np.genfromtxt(folder / "ctcdecoder_line.csv", delimiter=";")[:, :-1], 1, axis=1)  # the blank first
    symbols = (folder / "ctcdecoder_symbols.txt").read_text(encoding="utf-8").rstrip("\n")
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))

    def decoded(decoder):
        return "".join(symbols[i - 1] for i in decoder(log_probs))

    assert decoded(Greedy()) == "the fak friend of the fomly hae tC"
    assert decoded(Beam(25)) == "the fak friend of the fomcly hae tC"
    text = [1 + symbols.index(letter) for letter in "the fake friend of the family, like the"]
    assert score(log_probs, [text]) == pytest.approx([-28.090721774903226], rel=1e-12)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.integers(0, 1000))
def test_alignment_is_as_likely_as_torchaudios(symbols, seed):
    log_probs = random_log_probs(12, 5, seed)
    path = np.zeros(12, dtype=int)
    for (first, last), symbol in zip(align(log_probs, symbols), symbols, strict=True):
        path[first:last] = symbol
    assert collapse(path.tolist()) == symbols
    _, theirs = forced_align(torch.tensor(log_probs)[None], torch.tensor([symbols]), blank=0)
    assert log_probs[np.arange(12), path].sum() == pytest.approx(float(theirs.sum()), abs=1e-6)
