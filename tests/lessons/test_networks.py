import pytest
import torch

from speech.backprop.activations import Sigmoid, Tanh
from speech.backprop.check import Miss
from speech.backprop.losses import BinaryCrossEntropy, MeanSquaredError, SoftmaxCrossEntropy
from speech.lessons.forecaster import Forecaster
from speech.lessons.mlp import Mlp
from speech.lessons.network import N_CHECKED, batches, check_gradients, dropout_mask
from speech.lessons.reader import MaxOverFrames, Reader


def generator():
    return torch.Generator().manual_seed(0)


def rand(*shape):
    return torch.randn(*shape, generator=generator(), dtype=torch.float64)


def ocr():
    inputs = (rand(5, 6),)
    return Mlp(6, 4, 3, Sigmoid, generator()), SoftmaxCrossEntropy, inputs, torch.tensor([0, 2, 1, 1, 0])


def spam():
    masks = dropout_mask((5, 6), 0.3, generator()), dropout_mask((5, 4), 0.3, generator())
    inputs = (rand(5, 6), *masks)
    return Mlp(6, 4, 1, Tanh, generator()), BinaryCrossEntropy, inputs, torch.tensor([0, 1, 1, 0, 1]).double()


def sentiment():
    words, n_words = torch.tensor([[1, 2, 3, 1], [4, 2, 0, 0], [3, 0, 0, 0]]), torch.tensor([4, 2, 1])
    masks = dropout_mask((3, 4, 3), 0.3, generator()), dropout_mask((3, 6), 0.3, generator())
    inputs = (words, n_words, *masks)
    return Reader(5, 3, 3, generator()), BinaryCrossEntropy, inputs, torch.tensor([1, 0, 1]).double()


def timeseries():
    return Forecaster(3, 2, generator()), MeanSquaredError, (rand(3, 6),), rand(3, 6)


SETTINGS = pytest.mark.parametrize("setting", [ocr, spam, sentiment, timeseries], ids=lambda one: one.__name__)


@SETTINGS
def test_each_gradient_is_the_losss_and_a_fault_in_any_is_found_and_named(setting, monkeypatch):
    network, loss, inputs, targets = setting()
    assert max(weights.numel() for weights in network.parameters.values()) <= N_CHECKED, "each value is compared"
    assert check_gradients(network, loss, inputs, targets) < 1e-6
    right = network.backward
    for faulty in network.parameters:
        monkeypatch.setattr(
            network,
            "backward",
            lambda *given, f=faulty: {n: g * (1 + 1e-3 * (n == f)) for n, g in right(*given).items()},
        )
        with pytest.raises(Miss, match=f"the gradient of {faulty} is off"):
            check_gradients(network, loss, inputs, targets)


def test_padding_is_never_the_largest():
    below_zero = -1 - rand(2, 3, 4).abs()
    below_zero[1, 1:] = 0  # padding, and larger
    y, saved = MaxOverFrames.forward(below_zero, torch.tensor([3, 1]))
    assert torch.equal(y[0], below_zero[0].max(dim=0).values)
    assert torch.equal(y[1], below_zero[1, 0])
    grad, _ = MaxOverFrames.backward(saved, torch.ones(2, 4).double())
    assert torch.equal(grad[1, 0], torch.ones(4).double())
    assert not grad[1, 1:].any()


def test_a_sentence_gives_the_same_output_alone_and_in_a_batch():
    network, _, (words, n_words, *_), _ = sentiment()
    together, _ = network.forward(words, n_words)
    for row, n in enumerate(n_words.tolist()):
        alone, _ = network.forward(words[row : row + 1, :n], n_words[row : row + 1])
        assert torch.allclose(alone[0], together[row], atol=1e-12)


def test_batches_hold_every_row_once():
    seen = list(batches(10, 4, generator()))
    assert [len(rows) for rows in seen] == [4, 4, 2]
    assert sorted(torch.cat(seen).tolist()) == list(range(10))


def test_a_dropout_mask_silences_its_part_and_keeps_the_mean():
    mask = dropout_mask((100, 100), 0.25, generator())
    assert float((mask == 0).double().mean()) == pytest.approx(0.25, abs=0.02)
    assert float(mask.mean()) == pytest.approx(1, abs=0.02)
