"""CTC against a sum over all paths, and against torch's own where that is right: on logits."""

import itertools
import math

import pytest
import torch
from proof import Large, hold, prove, proves
from torch.nn import functional as F

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
    """The oracle: -log of the sum of the probabilities of all paths, listed one by one."""
    losses = []
    for row, (length, n) in enumerate(zip(n_frames.tolist(), n_letters.tolist(), strict=True)):
        paths = paths_of(targets[row, :n].tolist(), length, log_probs.shape[2])
        infinite = torch.full((), torch.inf, dtype=log_probs.dtype)
        losses.append(-log_p_of_paths(log_probs[row, :length], paths).logsumexp(dim=0) if len(paths) else infinite)
    return torch.stack(losses)


def clips(draw, longest, n_symbols, n_letters):
    """Log-probabilities whose rows need not sum to 1, lengths, and texts: empty, doubled, too long ones among them."""
    log_probs, n_frames = draw.padded(longest, n_symbols)
    batch = len(log_probs)
    of_letters = draw.lengths(batch, n_letters, least=0)
    return log_probs, n_frames, draw.indices(n_symbols, batch, n_letters, least=1), of_letters


def on_logits(logits, *others, weight=None):
    """log_softmax and CTC by hand: the losses, the gradient of the logits of ``weight`` times each, and what is saved.

    Infinite losses count nothing.
    """
    log_probs, saved_softmax = LogSoftmax.forward(logits)
    losses, saved = Ctc.forward(log_probs, *others)
    weight = torch.ones_like(losses) if weight is None else weight
    return losses, LogSoftmax.backward(saved_softmax, Ctc.backward(saved, weight)[0])[0], saved


def torchs_on_logits(logits, grad_losses, n_frames, targets, n_letters):
    logits = logits.clone().requires_grad_()
    log_probs = logits.log_softmax(2).transpose(0, 1)
    losses = F.ctc_loss(log_probs, targets, n_frames, n_letters, reduction="none", zero_infinity=True)
    losses.backward(grad_losses)
    return losses.detach(), logits.grad


@proves("Ctc", large=True)
def test_ctc_equals_the_sum_over_all_paths_and_torch_on_logits(draw):
    if not isinstance(draw, Large):
        prove(Ctc, clips(draw, draw.integer(1, 4), 3, draw.integer(0, 3)), over_every_path)
    # With more frames and letters than paths could be listed for.
    logits, *others = clips(draw, draw.integer(6, 12), 4 + draw.units(1), draw.units(5))
    weight = draw.values(len(logits))
    losses, grad, _ = on_logits(logits, *others, weight=weight)
    their_losses, their_grad = torchs_on_logits(logits, weight, *others)
    hold("losses", torch.where(losses.isfinite(), losses, 0), their_losses)
    hold("logits", grad, their_grad, scale=10)


def states_of(path):
    """The state of each frame: 2 k while between the k-th letter and the next, 2 k - 1 while in the k-th letter."""
    n_begun, before, states = 0, 0, []
    for symbol in path:
        n_begun += symbol not in (0, before)
        states.append(2 * n_begun - (symbol != 0))
        before = symbol
    return states


@proves("occupancy")
def test_occupancy_is_the_probability_of_the_paths_through_a_state(draw):
    log_probs, n_frames, targets, n_letters = clips(draw, draw.integer(2, 4), 3, draw.integer(0, 2))
    _, saved = Ctc.forward(log_probs, n_frames, targets, n_letters)
    found = Ctc.occupancy(saved)
    for row, (length, n) in enumerate(zip(n_frames.tolist(), n_letters.tolist(), strict=True)):
        expected = torch.zeros_like(found[row])
        paths = paths_of(targets[row, :n].tolist(), length, 3)
        if len(paths):
            weights = log_p_of_paths(log_probs[row, :length], paths).softmax(dim=0)
            for path, weight in zip(paths.tolist(), weights, strict=True):
                for t, state in enumerate(states_of(path)):
                    expected[t, state] += weight
            hold("each frame's sum", found[row, :length].sum(dim=1), torch.ones(length, dtype=torch.float64))
        hold("occupancy", found[row], expected, scale=10)


# Blank 0.6, "a" 0.4 in both frames (CTCDecoder's example). "a" is a-, -a and aa: 0.24 + 0.24 + 0.16 = 0.64; so
# frame 1 holds the letter with (0.24 + 0.16) / 0.64 = 0.625, and the blank with 0.375. The empty text is one path, --.
# Two equal letters need a blank between them: a-a is the one path of "aa" over three frames.
ON_PAPER = [
    ([[0.6, 0.4]] * 2, [1], 0.64, [[-0.375, -0.625]] * 2),
    ([[0.6, 0.4]] * 2, [], 0.36, [[-1, 0]] * 2),
    ([[0.5, 0.3, 0.2]] * 3, [1, 1], 0.3 * 0.5 * 0.3, [[0, -1, 0], [-1, 0, 0], [0, -1, 0]]),
]


@pytest.mark.parametrize(("frames", "text", "p", "expected"), ON_PAPER)
def test_ctc_equals_calculations_on_paper(frames, text, p, expected):
    log_probs, targets = torch.tensor([frames], dtype=torch.float64).log(), torch.tensor([text], dtype=torch.int64)
    losses, saved = Ctc.forward(log_probs, torch.tensor([len(frames)]), targets, torch.tensor([len(text)]))
    assert float(losses) == pytest.approx(-math.log(p))
    (grad,) = Ctc.backward(saved, torch.ones(1, dtype=torch.float64))[0]
    assert grad.tolist() == [pytest.approx(row) for row in expected]


def test_a_thousand_frames_neither_overflow_nor_vanish():
    torch.manual_seed(0)
    logits, one = 3 * torch.randn(1, 1000, 5, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    others = torch.tensor([1000]), torch.randint(1, 5, (1, 300)), torch.tensor([300])
    losses, grad, _ = on_logits(logits, *others)
    assert float(losses) > 750, "exp of which no float64 holds"
    hold("logits", grad, torchs_on_logits(logits, one, *others)[1], relative=1e-10)
