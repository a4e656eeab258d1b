"""Clips of unequal lengths in one right-padded batch: which frames are valid, and how a clip is reversed.

Read forwards, the padding comes after every valid frame and cannot influence it. To be read backwards, a clip is first
reversed *within its own length*, so that its padding stays at the end.
"""

from __future__ import annotations

import torch
from torch import Tensor

from speech.backprop.operation import Saved, require_finite, require_lengths, require_real, require_shape


def frame_mask(n_frames: Tensor, longest: int) -> Tensor:
    """True where a frame is a clip's own: ``(batch, longest)``."""
    return torch.arange(longest, device=n_frames.device) < n_frames[:, None]


def permute(x: Tensor, source: Tensor) -> Tensor:
    """All frames of x ``(batch, n_frames, n)`` in another order: row i is row ``source[i]`` of x."""
    return x.reshape(-1, x.shape[2])[source].view(x.shape)


class ReverseWithinLength:
    """y[b, t] = x[b, n_b - 1 - t] for t < n_b, and x[b, t] in the padding; x, y ``(batch, n_frames, n)``.

    The permutation is its own inverse, so the gradient is permuted likewise: dL/dx = reverse(dL/dy).
    """

    @staticmethod
    def forward(x: Tensor, n_frames: Tensor) -> tuple[Tensor, Saved]:
        require_shape("x", x, None, None, None)
        require_lengths("n_frames", n_frames, x.shape[0], x.shape[1])
        require_finite("x", x)
        t = torch.arange(x.shape[1], device=x.device)[None]
        turned = torch.where(t < n_frames[:, None], n_frames[:, None] - 1 - t, t)
        source = (turned + torch.arange(len(x), device=x.device)[:, None] * x.shape[1]).flatten()
        return permute(x, source), (source, x.shape)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor, None]:
        source, shape = saved
        require_shape("grad_y", grad_y, *shape)
        return permute(grad_y, source), None


class MaskFrames:
    """y = x within a clip's frames and 0 beyond: dL/dx = g there and 0 beyond; x ``(batch, n_frames, n)``."""

    @staticmethod
    def forward(x: Tensor, n_frames: Tensor) -> tuple[Tensor, Saved]:
        require_shape("x", x, None, None, None)
        require_lengths("n_frames", n_frames, x.shape[0], x.shape[1])
        require_real("x", x)
        mask = frame_mask(n_frames, x.shape[1])[..., None]
        return x * mask, (mask, x.shape)

    @staticmethod
    def backward(saved: Saved, grad_y: Tensor) -> tuple[Tensor, None]:
        mask, shape = saved
        require_shape("grad_y", grad_y, *shape)
        return grad_y * mask, None
