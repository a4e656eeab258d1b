"""The losses against torch's own, and what no confident mistake may do: overflow, or leave no gradient."""

import pytest
import torch
from proof import for_any_sizes, prove
from torch.nn import functional as F

from speech.backprop import losses, recognizer


def prove_cross_entropy(module, draw):
    n, n_classes = draw.integer(1, 4), draw.integer(2, 4)
    targets = draw.indices(n_classes, n)
    prove(module.SoftmaxCrossEntropy, (3 * draw.values(n, n_classes), targets), F.cross_entropy)


def prove_binary_cross_entropy(module, draw):
    n = draw.integer(1, 5)
    targets = torch.rand(n, dtype=torch.float64, generator=draw.generator)
    if draw.integer(0, 1):
        targets = targets.round()
    logits = 3 * draw.values(n)
    prove(module.BinaryCrossEntropy, (logits, targets), F.binary_cross_entropy_with_logits, fixed={1})


def prove_squared_error(module, draw):
    shape = draw.integer(1, 4), draw.integer(1, 3)
    prove(module.MeanSquaredError, (draw.values(*shape), draw.values(*shape)), F.mse_loss, fixed={1})


def prove_mean_per_letter(module, draw):
    n = draw.integer(1, 5)
    losses = draw.values(n).abs()
    losses[: draw.integer(0, n)] = torch.inf  # all of them, at times

    def oracle(losses, n_letters):
        feasible = losses.isfinite()
        return (losses[feasible] / n_letters[feasible]).sum() / max(1, int(feasible.sum()))

    # Infinity and a little more is infinity, so that central differences find 0 there, which is what is wanted.
    n_letters = draw.indices(6, n, least=1)
    prove(module.MeanPerLetter, (losses, n_letters), oracle)


@for_any_sizes
def test_cross_entropy_is_torchs(draw):
    prove_cross_entropy(losses, draw)


@for_any_sizes
def test_binary_cross_entropy_is_torchs_for_soft_targets_too(draw):
    prove_binary_cross_entropy(losses, draw)


@for_any_sizes
def test_squared_error_is_torchs(draw):
    prove_squared_error(losses, draw)


@for_any_sizes
def test_the_loss_of_a_batch_counts_each_clip_by_its_letters_and_leaves_the_infeasible_out(draw):
    prove_mean_per_letter(recognizer, draw)


@pytest.mark.parametrize("z", [-800.0, 800.0])
def test_a_confident_mistake_costs_as_much_as_it_is_wrong_and_keeps_its_gradient(z):
    logits, targets = torch.tensor([z], dtype=torch.float64), torch.tensor([float(z < 0)], dtype=torch.float64)
    loss, saved = losses.BinaryCrossEntropy.forward(logits, targets)
    assert float(loss) == 800
    assert float(losses.BinaryCrossEntropy.backward(saved, torch.ones(()))[0]) == (1 if z > 0 else -1)
    two = torch.stack([torch.zeros_like(logits), logits], dim=1)
    loss, saved = losses.SoftmaxCrossEntropy.forward(two, torch.tensor([int(z < 0)]))
    assert float(loss) == 800
    grad, _ = losses.SoftmaxCrossEntropy.backward(saved, torch.ones(()))
    assert grad.abs().tolist() == [[1, 1]]
