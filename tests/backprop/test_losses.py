"""The losses against torch's own, and what no confident mistake may do: overflow, or leave no gradient."""

import pytest
import torch
from proof import for_any_sizes, prove
from torch.nn import functional as F

from speech.backprop import losses, recognizer
from speech.model.ctc_loss import ctc_loss


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
    n_texts, n = draw.integer(1, 2), draw.integer(1, 5)
    losses = draw.values(n_texts, n).abs()
    for of_one in losses:
        of_one[: draw.integer(0, n)] = torch.inf  # all of them, at times

    def oracle(losses, lengths):
        total = losses.new_zeros(())
        for of_one, long in zip(losses, lengths, strict=True):
            feasible = of_one.isfinite()
            total = total + (of_one[feasible] / long[feasible]).sum() / max(1, int(feasible.sum()))
        return total

    # Infinity and a little more is infinity, so that central differences find 0 there, which is what is wanted.
    lengths = draw.indices(6, n_texts, n, least=1)
    prove(module.MeanPerLetter, (losses, lengths), oracle)


def outputs(draw):
    """The columns of two outputs, or of one."""
    return [draw.integer(2, 4) for _ in range(draw.integer(1, 2))]


def prove_each_log_softmax(module, draw):
    sizes = outputs(draw)

    def oracle(x, sizes):
        return torch.cat([part.log_softmax(dim=-1) for part in x.split(sizes, dim=-1)], dim=-1)

    prove(module.EachLogSoftmax, (3 * draw.values(2, draw.integer(1, 4), sum(sizes)), sizes), oracle)


def prove_each_ctc(module, draw):
    """Through the softmax before it, of which torch's own loss takes for granted that it was there."""
    batch, longest, sizes = draw.integer(1, 3), draw.integer(3, 6), outputs(draw)
    n_frames = draw.lengths(batch, longest)
    said = [
        (draw.indices(size, batch, 2, least=1), torch.tensor([draw.integer(1, 2) for _ in range(batch)]))
        for size in sizes[: draw.integer(1, len(sizes))]
    ]

    class OfLogits:
        @staticmethod
        def forward(logits, n_frames, said, sizes):
            log_probs, squashed = module.EachLogSoftmax.forward(logits, sizes)
            losses, saved = module.EachCtc.forward(log_probs, n_frames, said, sizes)
            return losses, (squashed, saved)

        @staticmethod
        def backward(saved, grad_losses):
            grad, *others = module.EachCtc.backward(saved[1], grad_losses)
            return module.EachLogSoftmax.backward(saved[0], grad)[0], *others

    def oracle(logits, n_frames, said, sizes):
        parts = zip(logits.split(sizes, dim=-1), said, strict=False)
        return torch.stack([ctc_loss(part, n_frames, *text) for part, text in parts])

    prove(OfLogits, (draw.values(batch, longest, sum(sizes)), n_frames, said, sizes), oracle)


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


@for_any_sizes
def test_each_output_is_squashed_by_itself(draw):
    prove_each_log_softmax(recognizer, draw)


@for_any_sizes
def test_each_output_spells_its_own_text_and_one_without_a_text_is_left_alone(draw):
    prove_each_ctc(recognizer, draw)


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
