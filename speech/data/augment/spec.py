"""SpecAugment (Park et al. 2019): stretches of time and bands of features that training does not get to hear.

What is hidden is set to 0, the mean of normalised features. The spans are drawn with the batch that they belong to,
so that they depend on its seed and number alone, and only batches for training have any: validation, transcribing
and the exported recogniser cannot meet one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speech.data.augment.strength import Floats, a_chance


class Spans(NamedTuple):
    """What is hidden, each ``[start, stop)`` as parts of the whole, from 0 to 1, which needs no count of frames."""

    times: Tensor  # float32 (n_clips, n_masks, 2), parts of the clip's frames
    bands: Tensor  # float32 (n_clips, n_masks, 2), parts of the front end's coefficients


class SpecAugment:
    """``n_times`` stretches of up to ``time_ms`` each, and ``n_bands`` bands of up to ``band`` of the coefficients.

    A width is uniform from 0 to the most, a place uniform over where it fits. No stretch takes more than ``time`` of a
    clip: the paper's bound p, since a short name has no letter to spare. Cepstral coefficients (``frontend=mfcc``) are
    not frequencies: there a band hides some of the spectrum's shape instead, and of its slopes with it.
    """

    def __init__(
        self, n_times: int = 2, time_ms: float = 60.0, time: float = 0.1, n_bands: int = 1, band: float = 0.2
    ) -> None:
        if n_times < 0 or n_bands < 0 or time_ms < 0:
            raise ValueError(
                f"augment.spec: n_times={n_times}, n_bands={n_bands}, time_ms={time_ms} must not be under 0"
            )
        self.n_times, self.time_ms, self.n_bands = n_times, time_ms, n_bands
        self.time, self.band = a_chance("spec.time", time), a_chance("spec.band", band)

    def spans(self, n_samples: NDArray[np.intp], sample_rate: int, rng: np.random.Generator, strength: float) -> Spans:
        """For clips of ``n_samples`` ``(n_clips,)``; widths grow with ``strength``."""
        n_clips = len(n_samples)
        longest = np.minimum(self.time, self.time_ms / 1000 * sample_rate / n_samples)
        return Spans(
            _spans(rng, strength * longest[:, None], (n_clips, self.n_times)),
            _spans(rng, np.full((n_clips, 1), strength * self.band), (n_clips, self.n_bands)),
        )


def feature_mask(spans: Spans, n_frames: Tensor, longest: int, n_features: int, n_deltas: int) -> Tensor:
    """1 where a feature is heard and 0 where it is hidden, float32 ``(n_clips, longest, n_features)``.

    ``n_frames`` ``(n_clips,)``, of which the batch's longest clip has ``longest``; a coefficient's ``n_deltas`` orders
    of derivatives are hidden with it.
    """
    n_coefficients = n_features // (1 + n_deltas)
    time = (torch.arange(longest, device=n_frames.device) + 0.5) / n_frames[:, None]
    place = (torch.arange(n_coefficients, device=n_frames.device) + 0.5) / n_coefficients
    hidden = _within(time, spans.times)[:, :, None] | _within(place[None], spans.bands)[:, None, :]
    return (~hidden).float().repeat(1, 1, 1 + n_deltas)


def _spans(rng: np.random.Generator, most: Floats, shape: tuple[int, int]) -> Tensor:
    width = most * rng.random(shape)
    start = (1 - width) * rng.random(shape)
    return torch.from_numpy(np.stack([start, start + width], axis=2).astype(np.float32))


def _within(place: Tensor, spans: Tensor) -> Tensor:
    """Whether each ``place`` ``(n_clips or 1, n)`` lies in any of its clip's spans: ``(n_clips, n)``."""
    return ((spans[:, :, :1] <= place[:, None]) & (place[:, None] < spans[:, :, 1:])).any(dim=1)
