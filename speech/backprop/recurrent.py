"""Recurrent layers in one or both directions, for batches of clips of unequal lengths.

The two directions: Schuster and Paliwal 1997. frames.py explains how padding is kept out of both.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from speech.backprop.frames import ReverseWithinLength, frame_mask, permute
from speech.backprop.gru import Gru
from speech.backprop.lstm import Lstm
from speech.backprop.operation import InputError, Saved, require_lengths, require_shape
from speech.backprop.rnn import Rnn
from speech.common.counting import counted

CELLS: dict[str, Any] = {"rnn": Rnn, "gru": Gru, "lstm": Lstm}
N_WEIGHTS = 4  # per direction: weight_ih, weight_hh, bias_ih, bias_hh


class Layer:
    """One recurrent layer in one or both directions: outputs ``(batch, n_frames, n_units * n_directions)``.

    ``cell`` is Rnn, Gru or Lstm, ``n_frames`` int ``(batch,)``; ``weights`` are the four of the forward direction, then
    (if the layer is bidirectional) the four of the backward one. Outputs beyond a clip's length are 0, and so are their
    gradients. Forward, y = [h, reverse(h')], h' being the second direction's states over reverse(x). So the gradient
    splits into two halves, the second is reversed, and the gradients of x from both directions add up.
    """

    @staticmethod
    def forward(x: Tensor, cell: Any, n_frames: Tensor, *weights: Tensor) -> tuple[Tensor, Saved]:
        if len(weights) not in (N_WEIGHTS, 2 * N_WEIGHTS):
            raise InputError(
                f"weights are {counted(len(weights), 'tensor')}, not {N_WEIGHTS} for each of 1 or 2 directions"
            )
        require_shape("x", x, None, None, None)
        require_lengths("n_frames", n_frames, x.shape[0], x.shape[1])
        states, forwards = cell.forward(x, *weights[:N_WEIGHTS])
        outputs, backwards, source = [states], None, None
        if len(weights) > N_WEIGHTS:
            require_shape("weight_hh of the second direction", weights[N_WEIGHTS + 1], *weights[1].shape)
            turned, (source, _) = ReverseWithinLength.forward(x, n_frames)
            states, backwards = cell.forward(turned, *weights[N_WEIGHTS:])
            outputs.append(permute(states, source))
        mask = frame_mask(n_frames, x.shape[1])[..., None]
        y = torch.cat(outputs, dim=2) * mask
        return y, (cell, mask, forwards, backwards, source, y.shape)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor | None, ...]:
        cell, mask, forwards, backwards, source, shape = saved
        require_shape("grad_y", grad_y, *shape)
        grad_y = grad_y * mask
        if backwards is None:
            grad_x, *grad_weights = cell.backward(forwards, grad_y)
            return grad_x, None, None, *grad_weights
        half = grad_y.shape[2] // 2
        grad_x, *grad_forwards = cell.backward(forwards, grad_y[..., :half])
        grad_turned, *grad_backwards = cell.backward(backwards, permute(grad_y[..., half:], source))
        grad_x = grad_x + permute(grad_turned, source)
        return grad_x, None, None, *grad_forwards, *grad_backwards
