"""The whole recogniser by hand, waveform to loss, as a chain of this folder's operations.

The names of steps and parameters are those of ``speech.model.recognizer.Recognizer``, so that weights, gradients and
intermediate values can be compared one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from speech.backprop.activations import Relu
from speech.backprop.chain import Chain
from speech.backprop.convolution import Convolution
from speech.backprop.dropout import Dropout
from speech.backprop.frames import MaskFrames
from speech.backprop.frontend import Deltas, Filters, Level, Log, PowerSpectrum, PreEmphasis
from speech.backprop.linear import Linear
from speech.backprop.normalisation import ClipNorm, LayerNorm
from speech.backprop.operation import InputError, require_clips
from speech.backprop.outputs import EachCtc, EachLogSoftmax, MeanPerLetter
from speech.backprop.recurrent import CELLS, Layer
from speech.common.counting import counted


@dataclass(frozen=True)
class Geometry:
    """The quantities fixed before training: the front end's constants and the encoder's shape.

    ``window`` ``(window_length,)``, ``mel`` ``(window_length // 2 + 1, n_mels)``, ``dct`` ``(n_mels, n_mfcc)`` or None
    for log-mel energies; ``prior_mean``, ``prior_deviation`` ``(n_features,)``; ``stride`` in frames; ``cell`` rnn,
    gru or lstm.
    """

    pre_emphasis: float
    level: float
    window: Tensor
    hop_length: int
    mel: Tensor
    log_floor: float
    dct: Tensor | None
    n_deltas: int
    prior_mean: Tensor
    prior_deviation: Tensor
    n_prior_frames: float
    least_deviation: float
    stride: int
    padding: int
    cell: str
    n_layers: int
    bidirectional: bool

    def n_frames(self, n_samples: Tensor) -> Tensor:
        """The number of feature frames of clips of ``n_samples``."""
        return (n_samples - len(self.window)).clamp(min=0) // self.hop_length + 1


FIRST_TRAINED = "encoder.convolution"


def forward(
    geometry: Geometry,
    parameters: Mapping[str, Tensor],
    waveforms: Tensor,
    n_samples: Tensor,
    masks: Sequence[Tensor] = (),
    feature_mask: Tensor | None = None,
) -> tuple[Chain, Tensor]:
    """Waveforms ``(batch, n_samples)`` to logits: the chain whose last value is ``logits``, and their ``n_frames``.

    ``masks`` are the dropout masks after the convolution and after each recurrent layer; empty for no dropout.
    ``feature_mask``, of the features' shape, is 0 where SpecAugment masks one: again y = m x, so Dropout applies it.
    """
    require_clips("waveforms", waveforms)
    chain = Chain()
    length = len(geometry.window)
    if waveforms.dim() == 2 and waveforms.shape[1] < length:
        raise InputError(
            f"waveforms have {counted(waveforms.shape[1], 'sample')}, and a window takes {length}: pad them with 0"
        )
    x = chain.step("frontend.pre_emphasis", PreEmphasis, waveforms, n_samples, geometry.pre_emphasis)
    x = chain.step("frontend.level", Level, x, n_samples, geometry.level)
    x = chain.step("frontend.power", PowerSpectrum, x, geometry.window, geometry.hop_length)
    x = chain.step("frontend.mel", Filters, x, geometry.mel)
    x = chain.step("frontend.log", Log, x, geometry.log_floor)
    if geometry.dct is not None:
        x = chain.step("frontend.dct", Filters, x, geometry.dct)
    n_frames = geometry.n_frames(n_samples)
    x = chain.step("frontend.deltas", Deltas, x, n_frames, geometry.n_deltas)
    common = geometry.prior_mean, geometry.prior_deviation, geometry.n_prior_frames
    x = chain.step("features", ClipNorm, x, n_frames, *common, geometry.least_deviation)
    if feature_mask is not None:
        x = chain.step("features.hidden", Dropout, x, feature_mask)

    def trained(name: str, operation: Any, x: Tensor, *others: Any, weights: Sequence[str] = ()) -> Tensor:
        names = [f"encoder.{weight}" for weight in weights]
        missing = [name for name in names if name not in parameters]
        if missing:
            raise InputError(f"parameters lack {', '.join(missing)}")
        return chain.step(name, operation, x, *others, *(parameters[name] for name in names), names=names)

    def affine(layer: str) -> tuple[str, str]:
        return f"{layer}.weight", f"{layer}.bias"

    sizes = geometry.stride, geometry.padding
    x = trained(FIRST_TRAINED, Convolution, x, *sizes, weights=affine("convolution"))
    n_frames = (n_frames - 1) // geometry.stride + 1
    x = trained("encoder.normalisation", LayerNorm, x, weights=affine("normalisation"))
    x = chain.step("encoder.relu", Relu, x)
    if masks:
        x = chain.step("encoder.dropout", Dropout, x, masks[0])
    directions = ("forwards", "backwards") if geometry.bidirectional else ("forwards",)
    kinds = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    for i in range(geometry.n_layers):
        weights = [f"{direction}.{i}.{kind}" for direction in directions for kind in kinds]
        x = trained(f"encoder.layer.{i}", Layer, x, CELLS[geometry.cell], n_frames, weights=weights)
        if masks:
            x = chain.step(f"encoder.dropout.{i}", Dropout, x, masks[1 + i])
    x = trained("encoder.output", Linear, x, weights=affine("output"))
    chain.step("logits", MaskFrames, x, n_frames)
    return chain, n_frames


def add_loss(chain: Chain, n_frames: Tensor, texts: Sequence[tuple[Tensor, Tensor]], sizes: Sequence[int]) -> Tensor:
    """Extend the chain from ``logits`` by ``log_probs``, ``losses`` and ``loss``, in nats per letter (and phone).

    ``texts`` are the letters of each clip and their number, ``(batch, n_letters)`` and ``(batch,)``, then likewise the
    phones for a recogniser with a phone output; ``sizes`` are the numbers of columns of each output in the logits.
    """
    x = chain.step("log_probs", EachLogSoftmax, chain.values["logits"], sizes)
    x = chain.step("losses", EachCtc, x, n_frames, texts, sizes)
    return chain.step("loss", MeanPerLetter, x, torch.stack([lengths for _, lengths in texts]))
