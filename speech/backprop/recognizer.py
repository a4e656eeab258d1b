"""The whole recogniser by hand, waveform to loss: the operations of this folder in a row, and back.

The names of steps and parameters are those of ``speech.recognizer.Recognizer``, so that weights, gradients and
intermediate values can be laid side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from speech.backprop.activations import LogSoftmax, Relu
from speech.backprop.convolution import Convolution
from speech.backprop.ctc import Ctc
from speech.backprop.dropout import Dropout
from speech.backprop.frames import MaskFrames
from speech.backprop.frontend import Deltas, Filters, Level, Log, PowerSpectrum, PreEmphasis
from speech.backprop.linear import Linear
from speech.backprop.normalisation import ClipNorm, LayerNorm
from speech.backprop.operation import InputError, Saved, require_last, require_lengths, require_shape
from speech.backprop.recurrent import CELLS, Layer


class Step(NamedTuple):
    """An operation that was carried out; ``names`` are those of its inputs that are parameters, "" for others."""

    name: str
    operation: Any
    saved: Saved
    names: tuple[str, ...]


@dataclass
class Chain:
    """Operations in a row, each taking what the one before put out. ``values`` keeps that by the step's name."""

    steps: list[Step] = field(default_factory=list)
    values: dict[str, Tensor] = field(default_factory=dict)

    def step(self, name: str, operation: Any, x: Tensor, *others: Any, names: Sequence[str] = ()) -> Tensor:
        """Carry out ``operation`` on ``x`` and ``others``, the last of which are the parameters called ``names``."""
        output, saved = operation.forward(x, *others)
        of_others = ("",) * (len(others) - len(names)) + tuple(names)
        self.steps.append(Step(name, operation, saved, of_others))
        self.values[name] = output
        return output

    def backward(self, grad: Tensor, until: str | None = None) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """From the gradient of the last output: those of the parameters, and of each step's output, by name.

        ``until`` is the last step that is gone back through; without it the first is, and the gradient of the chain's
        own input is found under ``input``.
        """
        require_shape("grad", grad, *self.values[self.steps[-1].name].shape)
        of_parameters: dict[str, Tensor] = {}
        of_values: dict[str, Tensor] = {}
        for step in reversed(self.steps):
            of_values[step.name] = grad
            grad, *others = step.operation.backward(step.saved, grad)
            of_parameters |= {name: g for name, g in zip(step.names, others, strict=True) if name}
            if step.name == until:
                return of_parameters, of_values
        return of_parameters, of_values | {"input": grad}


class EachLogSoftmax:
    """``LogSoftmax`` of each output by itself: columns of x, ``sizes`` of them one after the other.

    No output depends on another's columns, so their gradients lie side by side as well.
    """

    @staticmethod
    def forward(x: Tensor, sizes: Sequence[int]) -> tuple[Tensor, Saved]:
        require_last("x", x, sum(sizes))
        outputs, saved = zip(*(LogSoftmax.forward(part) for part in x.split(list(sizes), dim=-1)), strict=True)
        return torch.cat(outputs, dim=-1), (list(sizes), saved)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor, None]:
        sizes, of_each = saved
        parts = zip(of_each, grad_y.split(sizes, dim=-1), strict=True)
        return torch.cat([LogSoftmax.backward(some, grad)[0] for some, grad in parts], dim=-1), None


class EachCtc:
    """``Ctc`` of each of ``texts`` (symbols, their numbers) on its own output's columns: losses ``(n_texts, batch)``.

    Outputs beyond the texts are spelt by nothing: their gradient is 0.
    """

    @staticmethod
    def forward(
        log_probs: Tensor, n_frames: Tensor, texts: Sequence[tuple[Tensor, Tensor]], sizes: Sequence[int]
    ) -> tuple[Tensor, Saved]:
        require_last("log_probs", log_probs, sum(sizes))
        outputs = log_probs.split(list(sizes), dim=-1)[: len(texts)]
        losses, saved = zip(
            *(Ctc.forward(output, n_frames, *text) for output, text in zip(outputs, texts, strict=True)), strict=True
        )
        return torch.stack(losses), (saved, log_probs.shape)

    @staticmethod
    def backward(saved: Saved, grad_losses: Tensor) -> tuple[Tensor, None, None, None]:
        of_each, shape = saved
        grads = [Ctc.backward(some, grad)[0] for some, grad in zip(of_each, grad_losses, strict=True)]
        n_left = shape[-1] - sum(grad.shape[-1] for grad in grads)
        return torch.cat([*grads, grad_losses.new_zeros(*shape[:-1], n_left)], dim=-1), None, None, None


class MeanPerLetter:
    """L = sum over texts of the mean over feasible clips of loss / length; infinite losses are left out.

    losses and lengths ``(n_texts, batch)``: letters, and phones where there are such.
    dL/dloss_kb = 1 / (n_feasible_k length_kb), and 0 for what was left out.
    """

    @staticmethod
    def forward(losses: Tensor, lengths: Tensor) -> tuple[Tensor, Saved]:
        require_shape("losses", losses, *lengths.shape)
        require_lengths("lengths", lengths.flatten(), losses.numel(), 1 << 30)
        if losses.isnan().any():
            raise InputError("losses hold NaN, which is not a clip that is too short")
        feasible = losses.isfinite()
        weight = feasible / (lengths * feasible.sum(dim=1, keepdim=True).clamp(min=1)).to(losses.dtype)
        return (torch.where(feasible, losses, 0) * weight).sum(), (weight,)

    @staticmethod
    def backward(saved: Saved, grad_loss: Tensor) -> tuple[Tensor, None]:
        (weight,) = saved
        return grad_loss * weight, None


@dataclass(frozen=True)
class Geometry:
    """What is fixed before training: the front end's constants and the encoder's shape.

    ``window`` ``(window_length,)``, ``mel`` ``(window_length // 2 + 1, n_mels)``, ``dct`` ``(n_mels, n_mfcc)`` or None
    for log-mel energies; ``common_mean``, ``common_deviation`` ``(n_features,)``; ``stride`` in frames; ``cell`` rnn,
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
    common_mean: Tensor
    common_deviation: Tensor
    n_common: float
    least_deviation: float
    stride: int
    padding: int
    cell: str
    n_layers: int
    bidirectional: bool

    def n_frames(self, n_samples: Tensor) -> Tensor:
        """Frames of features of clips of ``n_samples``."""
        return (n_samples - len(self.window)).clamp(min=0) // self.hop_length + 1


FIRST_TRAINED = "encoder.convolution"


def hear(
    geometry: Geometry,
    parameters: Mapping[str, Tensor],
    waveforms: Tensor,
    n_samples: Tensor,
    masks: Sequence[Tensor] = (),
    feature_mask: Tensor | None = None,
) -> tuple[Chain, Tensor]:
    """Waveforms ``(batch, n_samples)`` to logits: the chain whose last value is ``logits``, and ``n_frames`` of them.

    ``masks`` are those of dropout, after the convolution and after each recurrent layer; none for no dropout.
    ``feature_mask``, of the features' shape, is 0 where SpecAugment hides one: y = m x as well, so the same step.
    """
    chain = Chain()
    length = len(geometry.window)
    if waveforms.dim() == 2 and waveforms.shape[1] < length:
        raise InputError(f"waveforms have {waveforms.shape[1]} samples, and a window takes {length}: pad them with 0")
    x = chain.step("frontend.pre_emphasis", PreEmphasis, waveforms, n_samples, geometry.pre_emphasis)
    x = chain.step("frontend.level", Level, x, n_samples, geometry.level)
    x = chain.step("frontend.power", PowerSpectrum, x, geometry.window, geometry.hop_length)
    x = chain.step("frontend.mel", Filters, x, geometry.mel)
    x = chain.step("frontend.log", Log, x, geometry.log_floor)
    if geometry.dct is not None:
        x = chain.step("frontend.dct", Filters, x, geometry.dct)
    n_frames = geometry.n_frames(n_samples)
    x = chain.step("frontend.deltas", Deltas, x, n_frames, geometry.n_deltas)
    common = geometry.common_mean, geometry.common_deviation, geometry.n_common
    x = chain.step("features", ClipNorm, x, n_frames, *common, geometry.least_deviation)
    if feature_mask is not None:
        x = chain.step("features.hidden", Dropout, x, feature_mask)

    def trained(name: str, operation: Any, x: Tensor, *others: Any, weights: Sequence[str] = ()) -> Tensor:
        names = [f"encoder.{weight}" for weight in weights]
        missing = [name for name in names if name not in parameters]
        if missing:
            raise InputError(f"parameters hold no {', '.join(missing)}")
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
        x = trained(f"encoder.layer.{i}", Layer, x, CELLS[geometry.cell], n_frames, None, weights=weights)
        if masks:
            x = chain.step(f"encoder.dropout.{i}", Dropout, x, masks[1 + i])
    x = trained("encoder.output", Linear, x, weights=affine("output"))
    chain.step("logits", MaskFrames, x, n_frames)
    return chain, n_frames


def spell(chain: Chain, n_frames: Tensor, texts: Sequence[tuple[Tensor, Tensor]], sizes: Sequence[int]) -> Tensor:
    """Go on from ``logits`` to the loss, nats a letter (and a phone); ``log_probs`` and ``losses`` are on the way.

    ``texts`` are the letters of each clip and their numbers, ``(batch, n_letters)`` and ``(batch,)``, and the phones if
    these are learnt; ``sizes`` are the columns of each output in the logits.
    """
    x = chain.step("log_probs", EachLogSoftmax, chain.values["logits"], sizes)
    x = chain.step("losses", EachCtc, x, n_frames, texts, sizes)
    return chain.step("loss", MeanPerLetter, x, torch.stack([lengths for _, lengths in texts]))
