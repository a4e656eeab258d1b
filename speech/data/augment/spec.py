"""SpecAugment (Park et al. 2019): masks over stretches of time and bands of features.

Masked features are 0, the mean of normalised features. The spans are drawn with their batch, so that they depend only
on its seed and number. Only training batches have spans.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speech.common.ranges import checked_proportion
from speech.data.augment.strength import Floats


class Spans(NamedTuple):
    """Masked spans, each ``[start, stop)`` as proportions of the whole, 0 to 1."""

    times: Tensor  # float32 (n_clips, n_masks, 2), proportions of the clip's frames
    bands: Tensor  # float32 (n_clips, n_masks, 2), proportions of the front end's coefficients


class SpecAugment:
    """``n_times`` time masks of up to ``time_ms`` each, and ``n_bands`` masks of up to ``band`` of the coefficients.

    Widths are uniform from 0, and positions uniform where the width fits. No time mask is longer than ``time`` of a
    clip (the paper's bound p), so that short names keep all of their letters. Cepstral coefficients (``frontend=mfcc``)
    are not frequencies: a band then masks part of the spectrum's shape, and the derivatives of that part.
    """

    def __init__(self, n_times: int, time_ms: float, time: float, n_bands: int, band: float) -> None:
        if n_times < 0 or n_bands < 0 or time_ms < 0:
            raise ValueError(f"augment.spec: n_times={n_times}, n_bands={n_bands}, time_ms={time_ms} must be 0 or more")
        self.n_times, self.time_ms, self.n_bands = n_times, time_ms, n_bands
        self.time = checked_proportion("augment.spec.time", time)
        self.band = checked_proportion("augment.spec.band", band)

    def spans(self, n_samples: NDArray[np.intp], sample_rate: int, rng: np.random.Generator, strength: float) -> Spans:
        """The masks of clips with ``n_samples`` ``(n_clips,)``; widths grow with ``strength``."""
        n_clips = len(n_samples)
        longest = np.minimum(self.time, self.time_ms / 1000 * sample_rate / n_samples)
        return Spans(
            _spans(rng, strength * longest[:, None], (n_clips, self.n_times)),
            _spans(rng, np.full((n_clips, 1), strength * self.band), (n_clips, self.n_bands)),
        )


def feature_mask(spans: Spans, n_frames: Tensor, longest: int, n_features: int, n_deltas: int) -> Tensor:
    """0 where a feature is masked and 1 elsewhere, float32 ``(n_clips, longest, n_features)``.

    ``n_frames`` is ``(n_clips,)``; the batch's longest clip has ``longest`` frames. A coefficient is masked together
    with its ``n_deltas`` orders of derivatives.
    """
    n_coefficients = n_features // (1 + n_deltas)
    time = (torch.arange(longest, device=n_frames.device) + 0.5) / n_frames[:, None]
    place = (torch.arange(n_coefficients, device=n_frames.device) + 0.5) / n_coefficients
    masked = _within(time, spans.times)[:, :, None] | _within(place[None], spans.bands)[:, None, :]
    return (~masked).float().repeat(1, 1, 1 + n_deltas)


def _spans(rng: np.random.Generator, most: Floats, shape: tuple[int, int]) -> Tensor:
    width = most * rng.random(shape)
    start = (1 - width) * rng.random(shape)
    return torch.from_numpy(np.stack([start, start + width], axis=2).astype(np.float32))


def _within(place: Tensor, spans: Tensor) -> Tensor:
    """Whether each ``place`` ``(n_clips or 1, n)`` is in any of its clip's spans: ``(n_clips, n)``."""
    return ((spans[:, :, :1] <= place[:, None]) & (place[:, None] < spans[:, :, 1:])).any(dim=1)
