"""How ``rejection`` is fitted to a trained recogniser, on validation clips alone, and how well that holds.

Each sound is held against lists of many sizes: a clip with its name in the list, and with its name left out; and
what is no name of any list: the first part of one clip with the last of another (words that nobody says, in speech),
clips backwards, and noise of a clip's own spectrum. Every second sound passes the disturbances of training, so that
the threshold does not take a poor microphone for another word.

All figures of the report, and the thresholds, are of names that the fit did not see: the names are halved, each half
is judged by what the other taught, and only the weights that are kept are fitted to both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from speech.data.augment.light import Augment
from speech.data.augment.room import Room
from speech.data.dataset import Clip
from speech.evaluation.calibration import reliability
from speech.inference.rejection import EVIDENCE, Rejection, key, probability
from speech.inference.score import Floats
from speech.model.recognizer import Recognizer
from speech.training.trials import N_CLIPS, OTHER_NAME, WORDS, Trials, _pool, _sounds, _trials

RATES = (0.01, 0.02, 0.05, 0.1)  # of false acceptance, for each of which there is a threshold
LEAST_NAMES, LEAST_CLIPS = 8, 40  # in validation; fewer teach nothing about others


def fit(trials: Trials, ridge: float = 1.0) -> list[float]:
    """The bias and weights that make p(none) likeliest: logistic regression by Newton's method (IRLS).

    Hastie, Tibshirani and Friedman 2009, section 4.4.1. ``ridge`` is the precision of a prior on the weights of
    evidence of unit variance: where the trials are told apart without an error, they would grow without end.
    """
    mean, spread = trials.evidences.mean(axis=0), trials.evidences.std(axis=0)
    spread = np.where(spread > 0, spread, 1)
    inputs = np.column_stack([np.ones(len(trials.kinds)), (trials.evidences - mean) / spread])
    penalty = ridge * np.diag([0.0, *np.ones(len(mean))])
    rows = trials.weights
    weights = np.zeros(inputs.shape[1])

    def cost(w: Floats) -> float:
        logits = inputs @ w
        return float(rows @ (np.logaddexp(0, logits) - trials.none * logits) + w @ penalty @ w / 2)

    for _ in range(50):
        p = probability(weights, inputs[:, 1:])
        gradient = inputs.T @ (rows * (p - trials.none)) + penalty @ weights
        hessian = (inputs.T * (rows * p * (1 - p))) @ inputs + penalty
        step = np.linalg.solve(hessian + 1e-9 * np.eye(len(weights)), gradient)
        size = 1.0
        while cost(weights - size * step) > cost(weights) and size > 1e-6:  # Newton's step may go too far
            size /= 2
        weights = weights - size * step
        if np.abs(step).max() < 1e-8:
            break
    own = weights[1:] / spread
    return [float(w) for w in (weights[0] - own @ mean, *own)]


def threshold(nones: Floats, rate: float) -> float:
    """Below which at most ``rate`` of new sounds like these lie, ``nones`` being their p(none).

    The k-th smallest of n, k = rate (n + 1) rounded down: a new one lies below it with probability k / (n + 1)
    (Wilks 1941). 0, which accepts nothing, where n is too small for the rate.
    """
    k = int(rate * (len(nones) + 1) + 1e-9)
    return float(np.sort(nones)[k - 1]) if k else 0.0


def calibrate(
    recognizer: Recognizer,
    clips: Sequence[Clip],
    names: Sequence[str],
    augment: Augment | Room | None,
    false_accept_rate: float,
    seed: int,
) -> tuple[Rejection | None, dict[str, Any]]:
    """``recognizer``'s Rejection from validation ``clips``, and the report on it; None, with the reason, for too few.

    ``names`` are more that lists may hold, ``augment`` the disturbances of training.
    Raises ValueError for a rate that is none of ``RATES``.
    """
    if false_accept_rate not in RATES:
        raise ValueError(f"false_accept_rate={false_accept_rate} is none of {', '.join(map(key, RATES))}")
    texts = list(dict.fromkeys(recognizer.alphabet.fold(clip.name) for clip in clips))
    if len(texts) < LEAST_NAMES or len(clips) < LEAST_CLIPS:
        reason = (
            f"{len(clips)} validation clips of {len(texts)} names; "
            f"at least {LEAST_CLIPS} of {LEAST_NAMES} are needed to learn what is none of a list"
        )
        return None, {"reason": reason}
    rng = np.random.default_rng(seed)
    drawn = [clips[i] for i in rng.permutation(len(clips))[: N_CLIPS[OTHER_NAME]]]
    own = list(dict.fromkeys(recognizer.alphabet.fold(clip.name) for clip in drawn))
    others = [text for text in dict.fromkeys(map(recognizer.alphabet.fold, names)) if text not in own]
    pool = _pool(own, others, recognizer.alphabet, rng)
    first = set(rng.permutation(own)[: len(own) // 2].tolist())
    halves = []
    for half in (first, set(own) - first):
        sounds = _sounds(recognizer, [c for c in drawn if recognizer.alphabet.fold(c.name) in half], augment, rng)
        halves.append(_trials(sounds, pool, len(own) + len(others), recognizer, rng))
    both = Trials(*(np.concatenate(some) for some in zip(*halves, strict=True)))
    weights = fit(both)
    taught = [fit(half) for half in halves]
    held_out = [probability(taught[1 - i], halves[i].evidences) for i in (0, 1)]
    thresholds = [_thresholds(half, nones) for half, nones in zip(halves, held_out, strict=True)]
    rejection = Rejection(weights, _thresholds(both, np.concatenate(held_out)), key(false_accept_rate))
    report: dict[str, Any] = {"n_names": len(own), "n_trials": len(both.kinds), "weights": dict(_named(weights))}
    report |= {"false_accept_rate": false_accept_rate, "thresholds": rejection.thresholds}
    report["accepted"] = {
        rate: _accepted(halves, held_out, [thresholds[1][rate], thresholds[0][rate]]) for rate in rejection.thresholds
    }
    report |= reliability(both.none, both.weights, np.concatenate(held_out))
    return rejection, report


def _named(weights: Sequence[float]) -> zip[tuple[str, float]]:
    return zip(("bias", *EVIDENCE), weights, strict=True)


def _thresholds(trials: Trials, nones: Floats) -> dict[str, float]:
    """By rate, the strictest of those of the kinds of words."""
    return {key(rate): min(threshold(nones[trials.kinds == kind], rate) for kind in WORDS) for rate in RATES}


def _accepted(halves: Sequence[Trials], nones: Sequence[Floats], thresholds: Sequence[float]) -> dict[str, float]:
    """The share of each kind that is accepted, each half by the threshold of the other."""
    accepted = np.concatenate([some < limit for some, limit in zip(nones, thresholds, strict=True)])
    kinds = np.concatenate([half.kinds for half in halves])
    return {str(kind): float(accepted[kinds == kind].mean()) for kind in np.unique(kinds)}
