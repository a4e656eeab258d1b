import numpy as np
import pytest
import torch

from speech.data.dataset import Batch
from speech.evaluation.prediction import predict
from speech.inference.rejection import EVIDENCE, Rejection

WORDS = ["martin", "mark", "anna", "zoe"]


@pytest.fixture
def recognizer(make_recognizer):
    made = make_recognizer(names=WORDS, n_units=8)
    made.rejection = Rejection([0.1] * (1 + len(EVIDENCE)), {"0.05": 0.4}, "0.05", 0.9)
    return made


@pytest.fixture
def batch(recognizer):
    """A clip for each of the words, of noise."""
    waveforms = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, (4, 8_000)).astype(np.float32))
    targets = torch.tensor([recognizer.alphabet.encode(word[:3]) for word in WORDS])
    n_samples, n_letters = torch.full((4,), 8_000), torch.full((4,), 3)
    return Batch(waveforms, n_samples, targets, n_letters, WORDS, ["s"] * 4, WORDS, None, None, None)


def test_a_clip_is_ranked_in_the_first_list_that_has_its_name(recognizer, batch):
    found = predict(recognizer, [batch], [["Martin", "Mark"], ["Mark", "Anna"]])
    lists = [{name for name, _ in one.names} for one in found]
    assert lists == [{"martin", "mark"}, {"martin", "mark"}, {"mark", "anna"}, {"martin", "mark"}]
    assert [one.in_list for one in found] == [True, True, True, False]


def test_without_its_name_a_clip_is_as_if_the_list_had_never_had_it(recognizer, batch):
    found = predict(recognizer, [batch], [["Martin", "Mark", "Anna"]])
    for one, waveform in zip(found[:3], batch.waveforms, strict=False):
        rest = recognizer.lexicon([name for name in ("Martin", "Mark", "Anna") if name.lower() != one.ref])
        log_probs = recognizer.log_probs(waveform.numpy())
        assert one.out_of_list_without == pytest.approx(recognizer.out_of_list_probability(log_probs, rest), abs=1e-5)
    assert found[3].out_of_list_without is None, "it is out of the list anyway"
    assert found[3].out_of_list is not None


def test_a_name_alone_in_its_list_cannot_be_left_out(recognizer, batch):
    assert predict(recognizer, [batch], [["Martin"]])[0].out_of_list_without is None
