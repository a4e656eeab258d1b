"""A network that reads a sentence word by word in both directions, and gives one number for it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from speech.backprop.dropout import Dropout
from speech.backprop.embedding import Embedding
from speech.backprop.frames import frame_mask
from speech.backprop.gru import Gru
from speech.backprop.linear import Linear
from speech.backprop.operation import Saved
from speech.backprop.recurrent import Layer
from speech.lessons.network import first_weights


class MaxOverFrames:
    """y[b, k] = max over t < n_b of x[b, t, k]: a unit's maximum. x ``(batch, n_frames, n)``, y ``(batch, n)``.

    Only the largest value moves y, and moves it one to one: dL/dx is g at the largest's frame, and 0 elsewhere.
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

    In training, dropout may silence parts of the words' vectors and of the maxima: its masks are given, or None.
    """

    def __init__(self, n_words: int, n_embedding: int, n_units: int, generator: torch.Generator):
        gru = {
            "weight_ih": (Gru.n_gates * n_units, n_embedding),
            "weight_hh": (Gru.n_gates * n_units, n_units),
            "bias_ih": (Gru.n_gates * n_units,),
            "bias_hh": (Gru.n_gates * n_units,),
        }
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
    ) -> tuple[Tensor, Saved]:
        weights = self.parameters
        vectors, saved_words = Embedding.forward(words, weights["table"])
        saved_vectors = saved_read = None
        if mask_vectors is not None:
            vectors, saved_vectors = Dropout.forward(vectors, mask_vectors)
        states, saved_states = Layer.forward(vectors, Gru, n_words, *(weights[name] for name in self.recurrent))
        read, saved_max = MaxOverFrames.forward(states, n_words)
        if mask_read is not None:
            read, saved_read = Dropout.forward(read, mask_read)
        y, saved_output = Linear.forward(read, weights["output.weight"], weights["output.bias"])
        return y.squeeze(1), (saved_words, saved_vectors, saved_states, saved_max, saved_read, saved_output)

    def backward(self, saved: Saved, grad_y: Tensor) -> dict[str, Tensor]:
        saved_words, saved_vectors, saved_states, saved_max, saved_read, saved_output = saved
        grad_read, grad_output_weight, grad_output_bias = Linear.backward(saved_output, grad_y[:, None])
        if saved_read is not None:
            grad_read, _ = Dropout.backward(saved_read, grad_read)
        grad_states, _ = MaxOverFrames.backward(saved_max, grad_read)
        grads_layer: Any = Layer.backward(saved_states, grad_states)
        grad_vectors, _, _, *grad_recurrent = grads_layer
        if saved_vectors is not None:
            grad_vectors, _ = Dropout.backward(saved_vectors, grad_vectors)
        _, grad_table = Embedding.backward(saved_words, grad_vectors)
        grads = {"table": grad_table, "output.weight": grad_output_weight, "output.bias": grad_output_bias}
        return grads | dict(zip(self.recurrent, grad_recurrent, strict=True))
