"""Open-set rejection (``inference.rejection``), fitted to a trained recogniser on validation clips only.

Each clip is ranked in lists of many sizes, some with its name and some without it. Sounds that are in no list are made
too: the first part of one clip joined to the last part of another (speech, but not a word), reversed clips, and noise
with a clip's spectrum. Every second sound is augmented as in training, so that clips from a poor microphone are not
rejected as other words.

A sound that is not accepted is unsure. It is rejected as out of the list only above a probability that few listed names
reach. If too many of the listed names in the other half reach it too, the recogniser cannot reject yet: no sound is
rejected.

All reported rates and the thresholds come from names that the fit did not see: the names are split into two halves, and
each half is evaluated with the weights fitted to the other. Only the final weights are fitted to both halves.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speech.data.augment.light import Augment
from speech.data.augment.room import Room
from speech.data.dataset import Clip
from speech.evaluation.calibration import CalibrationReport, NotCalibrated, reliability
from speech.evaluation.provenance import identity
from speech.inference.rejection import EVIDENCE, NEVER, Rejection, key, probability
from speech.inference.score import Floats
from speech.model.recognizer import Recognizer
from speech.training.trials import (
    LISTED,
    N_CLIPS,
    OTHER_NAME,
    WORDS,
    Trials,
    make_sounds,
    make_trials,
    name_pool,
    too_few,
)

RATES = (0.01, 0.02, 0.05, 0.1)  # false-accept rates, each with a threshold
MISS_RATE = 0.02  # the largest proportion of listed names that are rejected
LEAST_KEPT = 0.95  # of the listed sounds not fitted to, the proportion not rejected; below it, no sound is rejected


def fit(trials: Trials, ridge: float = 1.0) -> list[float]:
    """Fit the bias and weights of p(out of list) by logistic regression with Newton's method (IRLS).

    Hastie, Tibshirani and Friedman 2009, section 4.4.1. ``ridge`` is the precision of a prior on the weights, for
    evidence of unit variance: without it they would grow without bound on trials that are perfectly separable.
    """
    mean, spread = trials.evidences.mean(axis=0), trials.evidences.std(axis=0)
    spread = np.where(spread > 0, spread, 1)
    inputs = np.column_stack([np.ones(len(trials.kinds)), (trials.evidences - mean) / spread])
    penalty = ridge * np.diag([0.0, *np.ones(len(mean))])
    rows = trials.weights
    weights = np.zeros(inputs.shape[1])

    def cost(w: Floats) -> float:
        logits = inputs @ w
        return float(rows @ (np.logaddexp(0, logits) - trials.out_of_list * logits) + w @ penalty @ w / 2)

    for _ in range(50):
        p = probability(weights, inputs[:, 1:])
        gradient = inputs.T @ (rows * (p - trials.out_of_list)) + penalty @ weights
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


def threshold(out_of_list: Floats, false_accept_rate: float) -> float:
    """The threshold below which at most ``false_accept_rate`` of new out-of-list sounds lie.

    ``out_of_list`` are the probabilities of n such sounds. The threshold is the k-th smallest, with k = rate (n + 1)
    rounded down: a new sound lies below it with probability k / (n + 1) (Wilks 1941). It is 0, which accepts nothing,
    if n is too small for the rate.
    """
    k = int(false_accept_rate * (len(out_of_list) + 1) + 1e-9)
    return float(np.sort(out_of_list)[k - 1]) if k else 0.0


def calibrate(
    recognizer: Recognizer,
    clips: Sequence[Clip],
    names: Sequence[str],
    augment: Augment | Room | None,
    false_accept_rate: float,
    seed: int,
) -> tuple[Rejection, CalibrationReport] | tuple[None, NotCalibrated]:
    """Fit ``recognizer``'s Rejection to validation ``clips``; returns it and its report, or None and why if too few.

    ``names`` are further names for the lists, ``augment`` is the augmentation of training.
    Raises ValueError for a rate that is not in ``RATES``.
    """
    if false_accept_rate not in RATES:
        raise ValueError(f"false_accept_rate={false_accept_rate} is not one of {', '.join(map(key, RATES))}")
    fold = recognizer.alphabet.fold
    if reason := too_few(len(clips), len({fold(clip.name) for clip in clips})):
        return None, NotCalibrated(reason)
    rng = np.random.default_rng(seed)
    drawn = [clips[i] for i in rng.permutation(len(clips))[: N_CLIPS[OTHER_NAME]]]
    halves = _halves(recognizer, drawn, names, augment, rng)
    both = Trials(*(np.concatenate(some) for some in zip(*halves, strict=True)))
    fitted = [fit(half) for half in halves]
    held_out = [probability(fitted[1 - i], halves[i].evidences) for i in (0, 1)]
    p = np.concatenate(held_out)
    rejected = _rejected(halves, held_out, key(false_accept_rate))
    can_refuse = rejected[LISTED] <= 1 - LEAST_KEPT
    rejected_from = _rejected_from(both, p) if can_refuse else NEVER
    rejection = Rejection(fit(both), _thresholds(both, p), key(false_accept_rate), rejected_from)
    error, bins = reliability(both.out_of_list, both.weights, p)
    report = CalibrationReport(
        n_names=len({fold(clip.name) for clip in drawn}),
        n_clips=len(drawn),
        n_speakers=len({identity(clip.speaker) for clip in drawn}),
        n_trials=len(both.kinds),
        weights=dict(zip(("bias", *EVIDENCE), rejection.weights, strict=True)),
        false_accept_rate=rejection.false_accept_rate,
        thresholds=dict(rejection.thresholds),
        rejected_from=rejected_from,
        rejected=rejected if can_refuse else dict.fromkeys(rejected, 0.0),
        accepted=_accepted(halves, held_out),
        expected_calibration_error=error,
        reliability=bins,
    )
    return rejection, report


def _halves(
    recognizer: Recognizer,
    clips: Sequence[Clip],
    names: Sequence[str],
    augment: Augment | Room | None,
    rng: np.random.Generator,
) -> list[Trials]:
    """The trials of the clips of each half of the names."""
    fold = recognizer.alphabet.fold
    own = list(dict.fromkeys(fold(clip.name) for clip in clips))
    others = [text for text in dict.fromkeys(map(fold, names)) if text not in own]
    pool = name_pool(own, others, recognizer.alphabet, rng)
    lexicon = recognizer.lexicon(pool)
    first = set(rng.permutation(own)[: len(own) // 2].tolist())
    halves = []
    for half in (first, set(own) - first):
        sounds = make_sounds(recognizer, [clip for clip in clips if fold(clip.name) in half], augment, rng)
        halves.append(make_trials(sounds, lexicon, len(own) + len(others), recognizer, rng))
    return halves


def _thresholds(trials: Trials, out_of_list: Floats) -> dict[str, float]:
    """For each false-accept rate, the strictest threshold over the kinds of words."""
    return {key(rate): min(threshold(out_of_list[trials.kinds == kind], rate) for kind in WORDS) for rate in RATES}


def _rejected_from(trials: Trials, out_of_list: Floats) -> float:
    """The probability that a proportion ``MISS_RATE`` of the listed sounds reach."""
    return 1 - threshold(1 - out_of_list[~trials.out_of_list], MISS_RATE)


def _rejected(halves: Sequence[Trials], out_of_list: Sequence[Floats], rate: str) -> dict[str, float]:
    """The proportion of each kind that is rejected at ``rate``, each half by the limits of the other half."""
    kinds = np.concatenate([half.kinds for half in halves])
    ends = [
        max(_rejected_from(half, p), _thresholds(half, p)[rate]) for half, p in zip(halves, out_of_list, strict=True)
    ]
    refuses = np.concatenate([out_of_list[i] >= ends[1 - i] for i in (0, 1)])
    return {str(kind): float(refuses[kinds == kind].mean()) for kind in np.unique(kinds)}


def _accepted(halves: Sequence[Trials], out_of_list: Sequence[Floats]) -> dict[str, dict[str, float]]:
    """For each false-accept rate, the proportion of each kind accepted, each half at the other half's threshold."""
    kinds = np.concatenate([half.kinds for half in halves])
    thresholds = [_thresholds(half, p) for half, p in zip(halves, out_of_list, strict=True)]
    found = {}
    for rate in map(key, RATES):
        accepts = np.concatenate([out_of_list[i] < thresholds[1 - i][rate] for i in (0, 1)])
        found[rate] = {str(kind): float(accepts[kinds == kind].mean()) for kind in np.unique(kinds)}
    return found
