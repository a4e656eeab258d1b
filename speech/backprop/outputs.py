"""The recogniser's outputs, letters and phones side by side: log-softmax, CTC and the mean loss of each."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from speech.backprop.activations import LogSoftmax
from speech.backprop.ctc import Ctc
from speech.backprop.operation import InputError, Saved, require_last, require_lengths, require_precision, require_shape


class EachLogSoftmax:
    """``LogSoftmax`` of each output separately: x has the columns of all outputs side by side, ``sizes`` of each.

    No output depends on another's columns, so their gradients are concatenated as well.
    """

    @staticmethod
    def forward(x: Tensor, sizes: Sequence[int]) -> tuple[Tensor, Saved]:
        require_last("x", x, sum(sizes))
        outputs, saved = zip(*(LogSoftmax.forward(part) for part in x.split(list(sizes), dim=-1)), strict=True)
        return torch.cat(outputs, dim=-1), (list(sizes), saved, x.shape)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor, None]:
        sizes, of_each, shape = saved
        require_shape("grad_y", grad_y, *shape)
        parts = zip(of_each, grad_y.split(sizes, dim=-1), strict=True)
        return torch.cat([LogSoftmax.backward(some, grad)[0] for some, grad in parts], dim=-1), None


class EachCtc:
    """``Ctc`` of each of ``texts`` (symbols, lengths) on the columns of its own output: losses ``(n_texts, batch)``.

    Outputs without a text have gradient 0.
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
        require_shape("grad_losses", grad_losses, len(of_each), shape[0])
        grads = [Ctc.backward(some, grad)[0] for some, grad in zip(of_each, grad_losses, strict=True)]
        n_left = shape[-1] - sum(grad.shape[-1] for grad in grads)
        return torch.cat([*grads, grad_losses.new_zeros(*shape[:-1], n_left)], dim=-1), None, None, None


class MeanPerLetter:
    """L = sum over texts of the mean over feasible clips of loss / length; infinite losses are left out.

    losses and lengths ``(n_texts, batch)``: those of the letters and, if any, of the phones.
    dL/dloss_kb = 1 / (n_feasible_k length_kb), and 0 for losses left out.
    """

    @staticmethod
    def forward(losses: Tensor, lengths: Tensor) -> tuple[Tensor, Saved]:
        require_shape("losses", losses, *lengths.shape)
        require_lengths("lengths", lengths.flatten(), losses.numel(), 1 << 30)
        require_precision("losses", losses)
        if losses.isnan().any():
            raise InputError("losses hold NaN; a clip that is too short has an infinite loss")
        feasible = losses.isfinite()
        weight = feasible / (lengths * feasible.sum(dim=1, keepdim=True).clamp(min=1)).to(losses.dtype)
        return (torch.where(feasible, losses, 0) * weight).sum(), (weight,)

    @staticmethod
    def backward(saved: Saved, grad_loss: Tensor) -> tuple[Tensor, None]:
        (weight,) = saved
        require_shape("grad_loss", grad_loss)
        return grad_loss * weight, None
