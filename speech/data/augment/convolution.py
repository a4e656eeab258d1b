"""Every clip of a batch through a filter of its own, by one Fourier transform for all of them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

Batch = NDArray[np.float32]  # (n_clips, n_samples), 0 beyond each clip's own samples
BLOCK = 4  # times a kernel's length: the longest that a transform is, whatever a clip's


def convolve(waveforms: Batch, kernels: Batch) -> Batch:
    """y[b, t] = sum_i kernels[b, i] waveforms[b, t - i], as long as ``waveforms``: what comes later is cut off.

    ``waveforms`` ``(n_clips, n_samples)``, ``kernels`` ``(n_clips, n_taps)``. Overlap-save: transforms of blocks that
    begin n_taps - 1 samples early, of which as many outputs are dropped, those that a block's end comes round to.
    """
    n_samples = waveforms.shape[1]
    kernels = kernels[:, :n_samples]
    early = kernels.shape[1] - 1
    n = min(_fast_length(n_samples + early), BLOCK * _fast_length(early + 1))
    step = n - early
    n_blocks = -(-n_samples // step)
    padded = np.pad(waveforms, ((0, 0), (early, n_blocks * step - n_samples)))
    # torch's transform, single precision on a CPU, takes a third of the time of numpy's.
    blocks = torch.from_numpy(padded).unfold(1, n, step)
    spectrum = torch.fft.rfft(blocks) * torch.fft.rfft(torch.from_numpy(kernels), n)[:, None]
    convolved: Batch = torch.fft.irfft(spectrum, n)[:, :, early:].flatten(1)[:, :n_samples].numpy()
    return convolved


def _fast_length(n: int) -> int:
    """The least 2^a or 3 2^a that is not less than ``n``."""
    power = 1 << (n - 1).bit_length()
    return 3 * power // 4 if 3 * power // 4 >= n else power
