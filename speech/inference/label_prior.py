"""Label-prior correction: names are ranked by the posteriors of their symbols over the prior of these. numpy only.

An unsure network gives the blank and the common letters a high probability in every frame, so that a short name of
common letters outscores the right one. Dividing the posterior of each symbol by its mean over all frames removes that
advantage, as in hybrids of networks and hidden Markov models (Bourlard and Morgan 1994; with CTC, Sak et al. 2015,
Miao et al. 2015):

    log q[t, s] = log p[t, s] - weight log prior[s]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speech.inference.score import Floats


@dataclass(frozen=True)
class LabelPrior:
    """``log_prior`` of each symbol, ``(n_symbols,)`` nats, and its ``weight``: 0 corrects nothing, 1 all of it."""

    log_prior: Sequence[float]
    weight: float

    def __call__(self, log_probs: Floats) -> Floats:
        """``log_probs`` ``(n_frames, n_symbols)``, corrected; over symbols their exponentials no longer sum to 1."""
        return log_probs - self.weight * np.asarray(self.log_prior)
