"""Convolution of each clip of a batch with its own kernel."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

Batch = NDArray[np.float32]  # (n_clips, n_samples), 0 beyond each clip's own samples
BLOCK = 4  # the longest transform, in kernel lengths


def convolve(waveforms: Batch, kernels: Batch) -> Batch:
    """y[b, t] = sum_i kernels[b, i] waveforms[b, t - i], truncated to the length of ``waveforms``.

    ``waveforms`` is ``(n_clips, n_samples)``, ``kernels`` ``(n_clips, n_taps)``. Overlap-save: each block begins
    n_taps - 1 samples early, and its first n_taps - 1 outputs, into which its end wraps round, are dropped.
    """
    n_samples = waveforms.shape[1]
    kernels = kernels[:, :n_samples]
    early = kernels.shape[1] - 1
    n = min(_fast_length(n_samples + early), BLOCK * _fast_length(early + 1))
    step = n - early
    n_blocks = -(-n_samples // step)
    padded = np.pad(waveforms, ((0, 0), (early, n_blocks * step - n_samples)))
    # On a CPU, in single precision, torch's transform takes a third of the time that numpy's takes.
    blocks = torch.from_numpy(padded).unfold(1, n, step)
    spectrum = torch.fft.rfft(blocks) * torch.fft.rfft(torch.from_numpy(kernels), n)[:, None]
    convolved: Batch = torch.fft.irfft(spectrum, n)[:, :, early:].flatten(1)[:, :n_samples].numpy()
    return convolved


def _fast_length(n: int) -> int:
    """The least number of the form 2^a or 3 2^a that is at least ``n``."""
    power = 1 << (n - 1).bit_length()
    return 3 * power // 4 if 3 * power // 4 >= n else power
