"""A small float64 example of every operation, to check its gradient on.

Numbers are small and random; none is 0, which could hide a wrong derivative. The clips have unequal lengths, one text
has a doubled letter and one is empty.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from speech.backprop.activations import LogSoftmax, Relu, Sigmoid, Tanh
from speech.backprop.convolution import Convolution
from speech.backprop.ctc import Ctc
from speech.backprop.dropout import Dropout
from speech.backprop.embedding import Embedding
from speech.backprop.frames import MaskFrames, ReverseWithinLength
from speech.backprop.frontend import Deltas, Filters, Level, Log, PowerSpectrum, PreEmphasis
from speech.backprop.gru import Gru
from speech.backprop.linear import Linear
from speech.backprop.losses import BinaryCrossEntropy, MeanSquaredError, SoftmaxCrossEntropy
from speech.backprop.lstm import Lstm
from speech.backprop.normalisation import ClipNorm, LayerNorm
from speech.backprop.outputs import EachCtc, EachLogSoftmax, MeanPerLetter
from speech.backprop.recurrent import Layer
from speech.backprop.rnn import Rnn

RECURRENT = (Rnn, Gru, Lstm, Layer)  # they write into buffers: autograd can neither record nor differentiate them


class Example(NamedTuple):
    """``inputs`` by the names of ``operation.forward``'s arguments; ``asked`` names those that have a gradient."""

    operation: Any
    inputs: dict[str, Any]
    asked: tuple[str, ...]

    @property
    def name(self) -> str:
        cell = self.inputs.get("cell")
        return f"{self.operation.__name__} of {cell.__name__}" if cell else str(self.operation.__name__)


def examples() -> list[Example]:
    """An example of each operation, and of a bidirectional Layer of each cell."""
    generator = torch.Generator().manual_seed(0)

    def some(*shape: int) -> Tensor:
        x = torch.randn(shape, dtype=torch.float64, generator=generator) / 2
        return x + torch.where(x < 0, -0.05, 0.05)

    def recurrent(cell: Any, *suffixes: str) -> dict[str, Tensor]:
        n = 2 * cell.n_gates
        return {
            name + suffix: some(*shape)
            for suffix in suffixes
            for name, shape in {"weight_ih": (n, 3), "weight_hh": (n, 2), "bias_ih": (n,), "bias_hh": (n,)}.items()
        }

    n_frames, clips = torch.tensor([5, 2]), some(2, 5, 3)
    n_samples, sounds = torch.tensor([12, 7]), some(2, 12)
    sounds[1, 7:] = 0
    mask = torch.tensor([[2.0, 0.0, 2.0], [0.0, 2.0, 2.0]], dtype=torch.float64)
    filters, window = some(3, 4), some(8)
    word, classes = torch.tensor([[1, 0], [1, 3]]), torch.tensor([2, 0])
    targets, n_letters = torch.tensor([[1, 1, 2], [2, 0, 0], [0, 0, 0]]), torch.tensor([3, 1, 0])
    in_text = {"n_frames": torch.tensor([6, 4, 2]), "targets": targets, "n_letters": n_letters}
    texts = [
        (torch.tensor([[1, 1], [2, 0]]), torch.tensor([2, 1])),
        (torch.tensor([[1, 2], [3, 0]]), torch.tensor([2, 1])),
    ]
    soft, counts = some(4).sigmoid(), torch.tensor([[3, 1, 2], [2, 2, 1]])
    affine = {"weight": some(4, 3), "bias": some(4)}
    kernels = {"weight": some(4, 3, 2), "bias": some(4)}
    units = {"weight": some(3), "bias": some(3)}
    common = {"prior_mean": some(3), "prior_deviation": some(3).abs(), "n_prior_frames": 2.0}

    made = [
        Example(Linear, {"x": some(2, 3), **affine}, ("x", *affine)),
        *(Example(one, {"x": some(2, 3)}, ("x",)) for one in (Sigmoid, Tanh, Relu, LogSoftmax)),
        Example(Embedding, {"indices": word, "table": some(4, 2)}, ("table",)),
        Example(Dropout, {"x": some(2, 3), "mask": mask}, ("x",)),
        Example(Convolution, {"x": clips, "stride": 2, "padding": 1, **kernels}, ("x", *kernels)),
        Example(LayerNorm, {"x": some(2, 3), **units}, ("x", *units)),
        Example(ClipNorm, {"x": clips, "n_frames": n_frames, **common, "least": 1e-3}, ("x",)),
        Example(ReverseWithinLength, {"x": clips, "n_frames": n_frames}, ("x",)),
        Example(MaskFrames, {"x": clips, "n_frames": n_frames}, ("x",)),
        Example(PreEmphasis, {"x": some(2, 12), "n_samples": n_samples, "factor": 0.97}, ("x",)),
        Example(Level, {"x": sounds, "n_samples": n_samples, "level": 0.3}, ("x",)),
        Example(PowerSpectrum, {"x": some(2, 14), "window": window, "hop": 3}, ("x",)),
        Example(Filters, {"x": some(2, 3), "filters": filters}, ("x",)),
        Example(Log, {"x": some(2, 3).abs(), "floor": 0.1}, ("x",)),
        Example(Deltas, {"x": clips, "n_frames": n_frames, "n_orders": 2}, ("x",)),
        Example(Ctc, {"log_probs": some(3, 6, 3), **in_text}, ("log_probs",)),
        Example(EachLogSoftmax, {"x": some(2, 5), "sizes": [3, 2]}, ("x",)),
        Example(
            EachCtc,
            {"log_probs": some(2, 4, 7), "n_frames": torch.tensor([4, 2]), "texts": texts, "sizes": [3, 4]},
            ("log_probs",),
        ),
        Example(MeanPerLetter, {"losses": some(2, 3).abs(), "lengths": counts}, ("losses",)),
        Example(SoftmaxCrossEntropy, {"logits": some(2, 3), "targets": classes}, ("logits",)),
        Example(BinaryCrossEntropy, {"logits": some(4), "targets": soft}, ("logits",)),
        Example(MeanSquaredError, {"y": some(2, 3), "target": some(2, 3)}, ("y",)),
    ]
    for cell in (Rnn, Gru, Lstm):
        one = recurrent(cell, "")
        made.append(Example(cell, {"x": clips, **one}, ("x", *one)))
        both = recurrent(cell, "", "_reverse")
        made.append(Example(Layer, {"x": clips, "cell": cell, "n_frames": n_frames, **both}, ("x", *both)))
    return made
