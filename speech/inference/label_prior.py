"""Label-prior correction: names are ranked by the posteriors of their symbols, divided by the priors. numpy only.

An unsure network gives the blank and the common letters a high probability in every frame, so that a short name of
common letters outscores the right one. Dividing the posterior of each symbol by its mean over all frames removes that
advantage, as in hybrids of neural networks and hidden Markov models (Bourlard and Morgan 1994; with CTC, Sak et al.
2015, Miao et al. 2015):

    log q[t, s] = log p[t, s] - weight log prior[s]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speech.common.counting import counted
from speech.common.ranges import checked_numbers
from speech.inference.score import Floats
from speech.inference.scoring import LogProbs


@dataclass(frozen=True)
class LabelPrior:
    """For each output, letters first: ``log_priors`` of its symbols, in nats, and their weight in ``weights``.

    Weight 0 is no correction, 1 the full one.
    """

    log_priors: Sequence[Sequence[float]]
    weights: Sequence[float]

    def __post_init__(self) -> None:
        for some in (*self.log_priors, self.weights):
            checked_numbers("label_prior", some)
        if len(self.log_priors) != len(self.weights):
            raise ValueError(
                f"label_prior of {counted(len(self.log_priors), 'output')} has {counted(len(self.weights), 'weight')}"
            )

    def __call__(self, log_probs: LogProbs) -> LogProbs:
        """The corrected ``log_probs``; over the symbols of a frame their exponentials no longer sum to 1."""
        return LogProbs(*map(corrected, log_probs.outputs, self.log_priors, self.weights))


def corrected(log_probs: Floats, log_prior: Sequence[float], weight: float) -> Floats:
    """One output's ``log_probs``, ``(n_frames, n_symbols)``, less ``weight`` times its ``log_prior``."""
    return log_probs - weight * np.asarray(log_prior)
