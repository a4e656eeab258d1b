"""Strength s of the augmentation, which rises from 0 to 1 during training.

A step of chance p is applied to a clip with probability s p. It draws a value from its range, where ``mild`` is the
value that changes a clip least:

    value = mild + s (uniform(range) - mild)

At s = 0 every clip is unchanged; s = 1 gives the values of the config. This is curriculum learning (Bengio et al.
2009): a network trained on noisy clips from the beginning emits only blanks for longer.

Each draw takes one number for every clip of the batch, whether or not the step is applied to it, so that the
augmentation of a clip does not depend on the lengths and augmentations of the other clips.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speech.common.ranges import Range

Floats = NDArray[np.float64]
FULL_STRENGTH = 10**9  # batches of training, more than any ramp


def strength_at(n_before: int, ramp: int) -> float:
    """The strength of the batch that follows ``n_before`` batches: 1 after ``ramp`` batches, or at once if it is 0."""
    return min(1.0, n_before / ramp) if ramp else 1.0


def happens(rng: np.random.Generator, n_clips: int, chance: float, strength: float) -> NDArray[np.intp]:
    """The indices in the batch of the clips to which a step is applied."""
    return np.flatnonzero(rng.random(n_clips) < chance * strength)


def drawn(rng: np.random.Generator, n_clips: int, limits: Range, mild: float, strength: float) -> Floats:
    """One value per clip, ``(n_clips,)``: mild + strength (uniform(limits) - mild)."""
    return mild + strength * (rng.uniform(*limits, n_clips) - mild)
