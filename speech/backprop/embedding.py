"""Embedding: words as rows of a table."""

from __future__ import annotations

from torch import Tensor

from speech.backprop.operation import Saved, require_indices, require_precision, require_shape


class Embedding:
    """y[...] = table[index ...]; table ``(n_words, n_units)``, indices int of any shape, y ``(*indices, n_units)``.

    It is a Linear whose input is 1 for one word and 0 for all others, so dL/dW = g^T x has, for each word, the sum of
    g over the places where the word occurs:  dL/dtable[w] = sum over {n: index n = w} of g[n].
    """

    @staticmethod
    def forward(indices: Tensor, table: Tensor) -> tuple[Tensor, Saved]:
        require_shape("table", table, None, None)
        require_precision("table", table)
        require_indices("indices", indices, len(table))
        return table[indices], (indices, table.shape)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[None, Tensor]:
        indices, shape = saved
        require_shape("grad_y", grad_y, *indices.shape, shape[1])
        rows = grad_y.reshape(-1, shape[1])
        return None, grad_y.new_zeros(shape).index_add(0, indices.reshape(-1), rows)
