"""CTC against every path written down, and against torch's own where that is right: on logits."""

import itertools
import math

import pytest
import torch
from proof import for_any_sizes, hold, prove
from torch.nn import functional as F

from speech.backprop import ctc
from speech.backprop.activations import LogSoftmax
from speech.backprop.ctc import Ctc
from speech.inference.decode import collapse


def paths_of(text, n_frames, n_symbols):
    """Every path over the frames that collapses to ``text``: int ``(n_paths, n_frames)``."""
    every = itertools.product(range(n_symbols), repeat=n_frames)
    return torch.tensor([path for path in every if collapse(list(path)) == text], dtype=torch.int64).view(-1, n_frames)


def log_p_of_paths(log_probs, paths):
    return log_probs[torch.arange(paths.shape[1]), paths].sum(dim=1)


def over_every_path(log_probs, n_frames, targets, n_letters):
    """The oracle: -log of the sum of the probabilities of all paths, written down one by one."""
    losses = []
    for row, (length, n) in enumerate(zip(n_frames.tolist(), n_letters.tolist(), strict=True)):
        paths = paths_of(targets[row, :n].tolist(), length, log_probs.shape[2])
        if len(paths):
            losses.append(-log_p_of_paths(log_probs[row, :length], paths).logsumexp(dim=0))
        else:
            losses.append(torch.full((), torch.inf, dtype=log_probs.dtype))
    return torch.stack(losses)


def clips(draw, longest, n_symbols, n_letters):
    """Log-probabilities whose rows need not sum to 1, lengths, and texts: empty, doubled, too long ones among them."""
    batch = draw.integer(1, 3)
    lengths = draw.lengths(batch, longest)
    of_letters = draw.lengths(batch, n_letters, least=0)
    return (
        draw.values(batch, longest, n_symbols),
        lengths,
        draw.indices(n_symbols, batch, n_letters, least=1),
        of_letters,
    )


def prove_ctc(module, draw):
    few = clips(draw, draw.integer(1, 4), 3, draw.integer(0, 3))
    prove(module.Ctc, few, over_every_path)

    # On logits, with more frames and letters than could be written down, against torch's.
    logits, n_frames, targets, n_letters = clips(draw, draw.integer(6, 12), 5, draw.integer(1, 5))
    logits.requires_grad_()
    theirs = F.ctc_loss(
        logits.log_softmax(2).transpose(0, 1), targets, n_frames, n_letters, reduction="none", zero_infinity=True
    )
    log_probs, squashed = LogSoftmax.forward(logits.detach())
    losses, saved = module.Ctc.forward(log_probs, n_frames, targets, n_letters)
    possible = losses.isfinite()
    hold("losses", torch.where(possible, losses, 0), theirs.detach())
    weight = draw.values(len(losses))
    theirs.backward(torch.where(possible, weight, 0))
    (grad,) = LogSoftmax.backward(squashed, module.Ctc.backward(saved, weight)[0])
    hold("logits", grad, logits.grad, scale=10)


def prove_occupancy(module, draw):
    """p(state s at frame t), counted over the paths that pass through it."""
    log_probs, n_frames, targets, n_letters = clips(draw, draw.integer(2, 4), 3, draw.integer(0, 2))
    _, saved = module.Ctc.forward(log_probs, n_frames, targets, n_letters)
    found = module.Ctc.occupancy(saved)
    for row, (length, n) in enumerate(zip(n_frames.tolist(), n_letters.tolist(), strict=True)):
        text = targets[row, :n].tolist()
        expected = torch.zeros_like(found[row])
        paths = paths_of(text, length, 3)
        if len(paths):
            weights = log_p_of_paths(log_probs[row, :length], paths).softmax(dim=0)
            for path, weight in zip(paths.tolist(), weights, strict=True):
                for t, state in enumerate(states_of(path)):
                    expected[t, state] += weight
            hold("each frame's sum", found[row, :length].sum(dim=1), torch.ones(length, dtype=torch.float64))
        hold("occupancy", found[row], expected, scale=10)


def states_of(path):
    """The state of each frame: 2 k while between the k-th letter and the next, 2 k - 1 while in the k-th letter."""
    n_begun, before, states = 0, 0, []
    for symbol in path:
        n_begun += symbol not in (0, before)
        states.append(2 * n_begun - (symbol != 0))
        before = symbol
    return states


@for_any_sizes
def test_loss_and_gradient_are_those_of_every_path_written_down_and_on_logits_torchs(draw):
    prove_ctc(ctc, draw)


@for_any_sizes
def test_the_occupancy_is_the_share_of_the_paths_that_pass(draw):
    prove_occupancy(ctc, draw)


def ctc_of(probabilities, text, n_frames=None):
    log_probs = torch.tensor([probabilities], dtype=torch.float64).log()
    targets = torch.tensor([text], dtype=torch.int64)
    n_frames = torch.tensor([n_frames or log_probs.shape[1]])
    losses, saved = Ctc.forward(log_probs, n_frames, targets, torch.tensor([len(text)]))
    return losses, Ctc.backward(saved, torch.ones(1, dtype=torch.float64))[0][0]


def test_on_paper_two_frames_and_one_letter():
    # Blank 0.6, "a" 0.4 in both frames (CTCDecoder's example). "a" is a-, -a and aa: 0.24 + 0.24 + 0.16 = 0.64;
    # so frame 1 holds the letter with (0.24 + 0.16) / 0.64 = 0.625, and the blank with 0.375.
    frames = [[0.6, 0.4], [0.6, 0.4]]
    losses, grad = ctc_of(frames, [1])
    assert float(losses) == pytest.approx(-math.log(0.64))
    assert grad.tolist() == [pytest.approx([-0.375, -0.625])] * 2
    # Nothing said is one path, blank and blank: 0.36.
    losses, grad = ctc_of(frames, [])
    assert float(losses) == pytest.approx(-math.log(0.36))
    assert grad.tolist() == [pytest.approx([-1, 0])] * 2


def test_two_equal_letters_need_a_blank_between_them():
    frames = [[0.5, 0.3, 0.2]] * 3
    losses, grad = ctc_of(frames, [1, 1])
    assert float(losses) == pytest.approx(-math.log(0.3 * 0.5 * 0.3)), "a-a and no other path"
    assert grad.tolist() == [pytest.approx(row) for row in ([0, -1, 0], [-1, 0, 0], [0, -1, 0])]


@pytest.mark.parametrize(("text", "n_frames"), [([1, 1], 2), ([1, 2, 1], 2), ([1, 2, 2], 3)])
def test_a_text_that_the_frames_cannot_hold_has_infinite_loss_and_gradient_zero(text, n_frames):
    losses, grad = ctc_of([[0.5, 0.3, 0.2]] * 3, text, n_frames)
    assert losses.tolist() == [math.inf]
    assert not grad.any()


def test_a_text_that_is_impossible_leaves_its_batch_mates_alone():
    torch.manual_seed(0)
    log_probs = torch.randn(2, 4, 3, dtype=torch.float64).log_softmax(2)
    n_frames, targets, n_letters = torch.tensor([4, 4]), torch.tensor([[1, 1, 1], [1, 2, 0]]), torch.tensor([3, 2])
    _, saved = Ctc.forward(log_probs, n_frames, targets, n_letters)
    together, *_ = Ctc.backward(saved, torch.ones(2, dtype=torch.float64))
    _, saved = Ctc.forward(log_probs[1:], n_frames[1:], targets[1:], n_letters[1:])
    assert torch.equal(together[1:], Ctc.backward(saved, torch.ones(1, dtype=torch.float64))[0])
    assert not together[0].any()


def test_a_thousand_frames_neither_overflow_nor_vanish():
    torch.manual_seed(0)
    logits = (3 * torch.randn(1, 1000, 5, dtype=torch.float64)).requires_grad_()
    targets, n_frames, n_letters = torch.randint(1, 5, (1, 300)), torch.tensor([1000]), torch.tensor([300])
    F.ctc_loss(logits.log_softmax(2).transpose(0, 1), targets, n_frames, n_letters, reduction="sum").backward()
    log_probs, squashed = LogSoftmax.forward(logits.detach())
    losses, saved = Ctc.forward(log_probs, n_frames, targets, n_letters)
    assert float(losses) > 750, "exp of which no float64 holds"
    (grad,) = LogSoftmax.backward(squashed, Ctc.backward(saved, torch.ones(1, dtype=torch.float64))[0])
    hold("logits", grad, logits.grad, relative=1e-10)
