"""The losses and the recogniser's outputs against torch's own."""

import torch
from proof import prove, proves
from torch.nn import functional as F

from speech.backprop.losses import BinaryCrossEntropy, MeanSquaredError, SoftmaxCrossEntropy
from speech.backprop.outputs import EachCtc, EachLogSoftmax, MeanPerLetter
from speech.model.ctc_loss import ctc_loss


@proves("SoftmaxCrossEntropy", large=True)
def test_cross_entropy_equals_torch(draw):
    n_classes = 1 + draw.units(3)
    logits = 3 * draw.rows(n_classes).flatten(0, -2)
    prove(SoftmaxCrossEntropy, (logits, draw.indices(n_classes, len(logits))), F.cross_entropy)


@proves("BinaryCrossEntropy", large=True)
def test_binary_cross_entropy_equals_torch_for_soft_targets_too(draw):
    logits = 3 * draw.rows(1).flatten()
    targets = torch.rand(len(logits), dtype=torch.float64, generator=draw.generator)
    targets = targets.round() if draw.integer(0, 1) else targets
    prove(BinaryCrossEntropy, (logits, targets), F.binary_cross_entropy_with_logits, fixed={1})


@proves("MeanSquaredError", large=True)
def test_squared_error_equals_torch(draw):
    y = draw.rows(draw.units(3))
    prove(MeanSquaredError, (y, draw.values(*y.shape)), F.mse_loss, fixed={1})


@proves("MeanPerLetter")
def test_batch_loss_is_per_letter_and_leaves_infeasible_texts_out(draw):
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

    # Infinity and a little more is infinity, so that central differences find 0 there, as they should.
    prove(MeanPerLetter, (losses, draw.indices(6, n_texts, n, least=1)), oracle)


def columns(draw):
    """The columns of two outputs, or of one."""
    return [draw.integer(2, 4) for _ in range(draw.integer(1, 2))]


@proves("EachLogSoftmax")
def test_each_output_has_a_softmax_of_its_own(draw):
    sizes = columns(draw)

    def oracle(x, sizes):
        return torch.cat([part.log_softmax(dim=-1) for part in x.split(sizes, dim=-1)], dim=-1)

    prove(EachLogSoftmax, (3 * draw.values(2, draw.integer(1, 4), sum(sizes)), sizes), oracle)


class EachCtcOfLogits:
    """With the softmax before it: torch's own loss takes for granted that there is one."""

    @staticmethod
    def forward(logits, n_frames, texts, sizes):
        log_probs, saved_softmax = EachLogSoftmax.forward(logits, sizes)
        losses, saved = EachCtc.forward(log_probs, n_frames, texts, sizes)
        return losses, (saved_softmax, saved)

    @staticmethod
    def backward(saved, grad_losses):
        grad, *others = EachCtc.backward(saved[1], grad_losses)
        return EachLogSoftmax.backward(saved[0], grad)[0], *others


@proves("EachCtc")
def test_each_text_has_its_output_and_an_output_without_text_no_gradient(draw):
    batch, longest, sizes = draw.integer(1, 3), draw.integer(3, 6), columns(draw)
    texts = [
        (draw.indices(size, batch, 2, least=1), torch.tensor([draw.integer(1, 2) for _ in range(batch)]))
        for size in sizes[: draw.integer(1, len(sizes))]
    ]

    def oracle(logits, n_frames, texts, sizes):
        parts = zip(logits.split(sizes, dim=-1), texts, strict=False)
        return torch.stack([ctc_loss(part, n_frames, *text) for part, text in parts])

    logits = draw.values(batch, longest, sum(sizes))
    prove(EachCtcOfLogits, (logits, draw.lengths(batch, longest), texts, sizes), oracle)
