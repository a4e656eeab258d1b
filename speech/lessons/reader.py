"""A network that reads a sentence word by word in both directions and outputs one number."""

from __future__ import annotations

import torch
from torch import Tensor

from speech.backprop.chain import Chain
from speech.backprop.dropout import Dropout
from speech.backprop.embedding import Embedding
from speech.backprop.frames import frame_mask
from speech.backprop.gru import Gru
from speech.backprop.operation import Saved
from speech.backprop.recurrent import Layer
from speech.lessons.network import first_weights, linear


class MaxOverFrames:
    """y[b, k] = max over t < n_b of x[b, t, k]: a unit's maximum. x ``(batch, n_frames, n)``, y ``(batch, n)``.

    Only the largest value changes y, with slope 1: dL/dx is g at the frame of the maximum, and 0 elsewhere.
    """

    @staticmethod
    def forward(x: Tensor, n_frames: Tensor) -> tuple[Tensor, Saved]:
        own = frame_mask(n_frames, x.shape[1])[..., None]
        y, where = x.masked_fill(~own, -torch.inf).max(dim=1)
        return y, (x.shape, where)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor, None]:
        shape, where = saved
        return grad_y.new_zeros(shape).scatter_(1, where[:, None], grad_y[:, None]), None


class Reader:
    """Words ``(batch, n_words)`` -> Embedding -> GRU in both directions -> MaxOverFrames -> Linear -> ``(batch,)``.

    In training, dropout may silence parts of the words' vectors and of the maxima: ``forward`` takes its masks or None.
    """

    def __init__(self, n_words: int, n_embedding: int, n_units: int, generator: torch.Generator):
        n = Gru.n_gates * n_units
        gru = {"weight_ih": (n, n_embedding), "weight_hh": (n, n_units), "bias_ih": (n,), "bias_hh": (n,)}
        directions = {f"{name}{suffix}": size for suffix in ("", "_reverse") for name, size in gru.items()}
        output = {"output.weight": (1, 2 * n_units), "output.bias": (1,)}
        self.parameters = (
            first_weights({"table": (n_words, n_embedding)}, n_embedding, generator)
            | first_weights(directions, n_units, generator)
            | first_weights(output, 2 * n_units, generator)
        )
        self.recurrent = list(directions)

    def forward(
        self, words: Tensor, n_words: Tensor, mask_vectors: Tensor | None = None, mask_read: Tensor | None = None
    ) -> tuple[Tensor, Chain]:
        chain, weights = Chain(), self.parameters
        x = chain.step("words", Embedding, words, weights["table"], names=["table"])
        if mask_vectors is not None:
            x = chain.step("words.dropout", Dropout, x, mask_vectors)
        recurrent = (weights[name] for name in self.recurrent)
        x = chain.step("states", Layer, x, Gru, n_words, *recurrent, names=self.recurrent)
        x = chain.step("read", MaxOverFrames, x, n_words)
        if mask_read is not None:
            x = chain.step("read.dropout", Dropout, x, mask_read)
        return linear(chain, "output", x, weights).squeeze(1), chain

    def backward(self, saved: Chain, grad_y: Tensor) -> dict[str, Tensor]:
        grads, _ = saved.backward(grad_y[:, None])
        return grads
