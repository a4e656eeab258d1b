"""How much: the one definition of an augmentation's strength, which rises from 0 to 1 as training goes on.

At strength s a step that has a chance p happens to a clip with the probability s p; and what it draws from its range
lies only the part s of the way from ``mild``, the value that does the least, to where it would have been:

    value = mild + s (uniform(range) - mild)

So s = 0 leaves every clip as it is, and s = 1 is what the config says. Easy clips first: a network that hears noise
from the beginning stays longer with writing nothing but blanks (curriculum learning, Bengio et al. 2009).

Each draw takes one number for every clip of the batch, whether the step happens to it or not: what befalls a clip
does not depend on how long the others are, nor on what befalls them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Pair = tuple[float, float]
FULL_STRENGTH = 10**9  # batches of training: past any ramp


def strength_at(n_before: int, ramp: int) -> float:
    """0 in training's first batch, 1 after ``ramp`` batches, or at once with 0; ``n_before`` batches came before."""
    return min(1.0, n_before / ramp) if ramp else 1.0


def happens(rng: np.random.Generator, n_clips: int, chance: float, strength: float) -> NDArray[np.intp]:
    """The clips that a step happens to, by their places in the batch."""
    return np.flatnonzero(rng.random(n_clips) < chance * strength)


def drawn(rng: np.random.Generator, n_clips: int, limits: Pair, mild: float, strength: float) -> Floats:
    """One value a clip, ``(n_clips,)``, uniform within ``limits`` at full strength, drawn in towards ``mild`` below."""
    return mild + strength * (rng.uniform(*limits, n_clips) - mild)


def a_range(name: str, pair: Sequence[float], least: float = -np.inf) -> Pair:
    """``pair`` as a plain tuple. Raises ValueError naming ``augment.<name>`` unless it rises from ``least`` on."""
    if len(pair) != 2 or not least <= pair[0] <= pair[1]:
        bound = "" if least == -np.inf else f" and not lie under {least:g}"
        raise ValueError(f"augment.{name}={list(pair)} must be two numbers that rise{bound}")
    return float(pair[0]), float(pair[1])


def a_chance(name: str, chance: float) -> float:
    """Raises ValueError naming ``augment.<name>`` for what is no probability."""
    if not 0 <= chance <= 1:
        raise ValueError(f"augment.{name}={chance} must be a probability, 0 to 1")
    return float(chance)
