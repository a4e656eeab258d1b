import pytest
import torch

from speech.inference.score import score
from speech.model.ctc_loss import ctc_loss


def test_a_text_that_does_not_fit_leaves_the_others_gradients_alone():
    logits = torch.randn(2, 4, 5, dtype=torch.double, requires_grad=True)
    targets, n_frames = torch.tensor([[1, 1, 1], [1, 2, 0]]), torch.tensor([4, 4])
    losses = ctc_loss(logits, n_frames, targets, torch.tensor([3, 2]))
    assert losses[0] == torch.inf
    losses[losses.isfinite()].sum().backward()
    assert not logits.grad[0].any()
    assert logits.grad[1].abs().min() > 0


def test_the_loss_is_the_negative_score():
    logits = torch.randn(2, 9, 5, generator=torch.Generator().manual_seed(0)).double()
    targets, n_letters, n_frames = torch.tensor([[1, 2, 2], [3, 0, 0]]), torch.tensor([3, 1]), torch.tensor([9, 7])
    losses = ctc_loss(logits, n_frames, targets, n_letters)
    for i, text in enumerate([[1, 2, 2], [3]]):
        log_probs = logits[i, : n_frames[i]].log_softmax(dim=1).numpy()
        assert float(losses[i]) == pytest.approx(-score(log_probs, [text])[0])
