"""Names are ranked by what a clip adds to what the network says anyway: its posteriors over their prior. numpy only.

A network that is unsure says blank, and the letters that are common; a short name of common letters then outdoes the
one that was said. Dividing the posterior of each symbol by the share of frames that it has on the whole takes that
advantage away, as hybrids of networks and hidden Markov models do (Bourlard and Morgan 1994; with CTC, Sak et al.
2015, Miao et al. 2015):

    log q[t, s] = log p[t, s] - weight log prior[s]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speech.inference.score import Floats


@dataclass(frozen=True)
class LabelPrior:
    """``log_prior`` of each symbol, ``(n_symbols,)`` nats, and how much of it is taken away: 0 nothing, 1 all."""

    log_prior: Sequence[float]
    weight: float

    def __call__(self, log_probs: Floats) -> Floats:
        """``log_probs`` ``(n_frames, n_symbols)`` less the prior's; their sum over symbols is no longer 1."""
        return log_probs - self.weight * np.asarray(self.log_prior)
