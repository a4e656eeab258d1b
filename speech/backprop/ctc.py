"""Connectionist temporal classification (CTC): the loss of a text whose alignment to the frames is unknown."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from speech.backprop.operation import (
    InputError,
    Saved,
    require_integers,
    require_lengths,
    require_real,
    require_shape,
)

BLANK = 0
LOG_ZERO = -1e30  # log 0: finite, so that the difference of two of them is 0 and not NaN


class Lattice(NamedTuple):
    """The CTC states of a text, and the forward and backward log-probabilities of each state at each frame."""

    states: Tensor  # int (batch, n_states): blank, letter, blank, letter, ..., blank
    own: Tensor  # bool (batch, n_frames, n_states): within the clip's frames and its text's states (not padding)
    log_alpha: Tensor  # (batch, n_frames, n_states): log p(states up to s, frames up to t)
    log_beta: Tensor  # (batch, n_frames, n_states): log p(states from s on, frames from t on)
    emitted: Tensor  # (batch, n_frames, n_states): log p(state's symbol) at the frame, included in both of the above
    log_p: Tensor  # (batch,)


class Ctc:
    """loss = -log p(text | clip), the sum over all paths that collapse to the text (Graves et al. 2006).

    log_probs y ``(batch, n_frames, n_symbols)`` with symbol 0 the blank, n_frames int ``(batch,)``, targets int
    ``(batch, n_letters)`` (any value in the padding), n_letters int ``(batch,)``; losses in nats ``(batch,)``. The rows
    of y need not sum to 1.

    A text of L letters has 2L + 1 states: blank, letter, blank, ..., blank. A path stays, moves on by one state, or
    skips a blank between two different letters (section 4.1, equations 6 to 8), so

        alpha[t, s] = (alpha[t-1, s] + alpha[t-1, s-1] + [may skip to s] alpha[t-1, s-2]) y[t, state s]
        p           = alpha[last, last state] + alpha[last, last state but one]

    beta, from the other end, is the alpha of the reversed text over the reversed frames, so one loop computes both.
    alpha beta / y[t, s] is the probability of all paths through s at t. Its sum over the states of any frame is p;
    divided by p it is the occupancy. (The code divides by the sum of the same frame: float32 holds 10 000 nats only to
    a thousandth, and a frame's occupancies would miss 1 by as much.) Since p is a sum of products, one factor a frame,

        dloss/dlog y[t, k] = -sum of the occupancy over the states s that emit k           (equation 14, before softmax)

    With log_softmax in front this becomes softmax(logits) - occupancy: the prediction minus the reference.

    A text that does not fit into its frames has p = 0: its loss is infinite and its gradient 0; ``losses.isinf()``
    finds these. All sums are in the log domain: a product of a thousand probabilities would underflow.
    """

    @staticmethod
    def forward(log_probs: Tensor, n_frames: Tensor, targets: Tensor, n_letters: Tensor) -> tuple[Tensor, Saved]:
        lattice = _lattice(log_probs, n_frames, targets, n_letters)
        possible = lattice.log_p > LOG_ZERO / 2
        losses = torch.where(possible, -lattice.log_p, torch.inf)
        return losses, (lattice, possible, log_probs.shape)

    @staticmethod
    def backward(saved: Saved, grad_losses: Tensor) -> tuple[Tensor, None, None, None]:
        lattice, possible, shape = saved
        require_shape("grad_losses", grad_losses, shape[0])
        weight = torch.where(possible, grad_losses, 0)[:, None, None]
        by_state = _occupancy(lattice, possible) * -weight
        states = lattice.states[:, None].expand_as(by_state)
        return by_state.new_zeros(shape).scatter_add(2, states, by_state), None, None, None

    @staticmethod
    def occupancy(saved: Saved) -> Tensor:
        """p(path is in state s at frame t | text, clip): ``(batch, n_frames, n_states)``; each frame sums to 1."""
        lattice, possible, _ = saved
        return _occupancy(lattice, possible)


def _occupancy(lattice: Lattice, possible: Tensor) -> Tensor:
    log_joint = lattice.log_alpha + lattice.log_beta - lattice.emitted
    counts = lattice.own & possible[:, None, None]
    return torch.where(counts, log_joint, LOG_ZERO).softmax(dim=2) * counts


def _lattice(log_probs: Tensor, n_frames: Tensor, targets: Tensor, n_letters: Tensor) -> Lattice:
    require_shape("log_probs", log_probs, None, None, None)
    batch, longest, n_symbols = log_probs.shape
    require_shape("targets", targets, batch, None)
    require_integers("targets", targets)
    require_lengths("n_frames", n_frames, batch, longest)
    require_lengths("n_letters", n_letters, batch, targets.shape[1], least=0)
    require_real("log_probs", log_probs)
    in_text = torch.arange(targets.shape[1], device=targets.device) < n_letters[:, None]
    letters = targets[in_text]
    if letters.numel() and not BLANK < int(letters.min()) <= int(letters.max()) < n_symbols:
        low, high = int(letters.min()), int(letters.max())
        raise InputError(f"targets hold {low} to {high}, and letters are 1 to {n_symbols - 1} (0 is the blank)")

    # Column s is a clip's state s; values beyond the end of the text or the frames are never used.
    n_states = 2 * targets.shape[1] + 1
    states = targets.new_full((batch, n_states), BLANK)
    states[:, 1::2] = torch.where(in_text, targets, BLANK)
    emitted = log_probs.gather(2, states[:, None].expand(batch, longest, n_states))

    last_state, last_frame = 2 * n_letters[:, None], n_frames[:, None] - 1
    s, t = torch.arange(n_states, device=states.device), torch.arange(longest, device=states.device)
    turned_s, turned_t = (last_state - s).clamp(min=0), (last_frame - t).clamp(min=0)  # its own inverse where own
    turned_states = states.gather(1, turned_s)

    # The first half of the batch computes the alpha of the texts, the second half that of the reversed texts.
    both_states = torch.cat([states, turned_states])
    both_emitted = torch.cat([emitted, _turn(emitted, turned_t, turned_s)])
    log_both = torch.stack(_log_alpha(both_emitted.unbind(1), both_states), dim=1)
    log_alpha, log_turned = log_both[:batch], log_both[batch:]

    at_end = log_alpha.gather(1, last_frame[:, :, None].expand(batch, 1, n_states))[:, 0]
    end = at_end.gather(1, last_state)[:, 0]
    before = torch.where(n_letters > 0, at_end.gather(1, (last_state - 1).clamp(min=0))[:, 0], LOG_ZERO)
    own = (t <= last_frame)[:, :, None] & (s <= last_state)[:, None]
    log_beta = _turn(log_turned, turned_t, turned_s)
    return Lattice(states, own, log_alpha, log_beta, emitted, torch.logaddexp(end, before))


def _log_alpha(emitted: tuple[Tensor, ...], states: Tensor) -> list[Tensor]:
    """The recursion, frame by frame: ``n_frames`` tensors ``(batch, n_states)``."""
    may_skip = (states[:, 2:] != BLANK) & (states[:, 2:] != states[:, :-2])
    no_skip = torch.constant_pad_nd(torch.where(may_skip, 0.0, LOG_ZERO).to(emitted[0].dtype), [2, 0], LOG_ZERO)
    no_skip = no_skip[:, : states.shape[1]]  # if all texts are empty there is one state, and nothing to skip to
    begins = torch.arange(states.shape[1], device=states.device) < 2  # a path begins with the blank or the first letter
    log_alpha = [torch.where(begins, emitted[0], LOG_ZERO)]
    for at_frame in emitted[1:]:
        shifted = torch.constant_pad_nd(log_alpha[-1], [2, 0], LOG_ZERO)
        moved = torch.logaddexp(log_alpha[-1], shifted[:, 1:-1])
        log_alpha.append(torch.logaddexp(moved, shifted[:, :-2] + no_skip) + at_frame)
    return log_alpha


def _turn(values: Tensor, turned_t: Tensor, turned_s: Tensor) -> Tensor:
    """values[b, t', s'], where t' and s' are counted from the other end: ``(batch, n_frames, n_states)``."""
    batch = torch.arange(len(values), device=values.device)[:, None, None]
    return values[batch, turned_t[:, :, None], turned_s[:, None]]
