"""Fitting the ranking of names to validation clips: the label prior, its weights, and the weight of the phones."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from speech.data.augment.light import Augment
from speech.data.augment.room import Room
from speech.data.augment.strength import FULL_STRENGTH
from speech.data.dataset import Clip
from speech.inference.label_prior import LabelPrior
from speech.inference.score import Floats
from speech.inference.scoring import fuse, letter_scores, phone_scores
from speech.model.recognizer import Recognizer
from speech.training.trials import too_few

N_CLIPS = 256  # validation clips, at most
LEAST_PROPORTION = 1e-4  # of frames: a letter that is absent from validation must not become decisive
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)


def fit_ranking(
    recognizer: Recognizer, clips: Sequence[Clip], augment: Augment | Room | None, seed: int
) -> tuple[LabelPrior | None, float]:
    """The label prior of validation ``clips``, augmented as in training, and the weight of the phones.

    The prior's weight for each output and the weight of the phones are those that rank the most clips right: the mean
    of all settings within a standard error of the best, since the order among these is chance (Breiman et al. 1984
    choose the size of a tree in the same way). With too few clips there is no prior, and the phones' weight is kept.
    """
    drawn = [clips[i] for i in np.random.default_rng(seed).permutation(len(clips))[:N_CLIPS]]
    texts = [recognizer.alphabet.fold(clip.name) for clip in drawn]
    names = list(dict.fromkeys(texts))
    if too_few(len(clips), len(names)):
        return None, recognizer.phones_weight
    waveforms = [clip.waveform for clip in drawn]
    if augment is not None:
        rng = np.random.default_rng(seed)
        waveforms, _ = augment.batch(waveforms, recognizer.sample_rate, rng, n_before=FULL_STRENGTH)
    log_probs = [recognizer.log_probs(waveform) for waveform in waveforms]
    log_priors = [_log_prior(some) for some in zip(*(one.outputs for one in log_probs), strict=True)]
    entries = list(recognizer.lexicon(names).values())
    n_right: Counter[tuple[float, ...]] = Counter()  # by the prior's weight for each output, and the phones' weight
    for one, ref in zip(log_probs, map(names.index, texts), strict=True):
        priors = [(weight, LabelPrior(log_priors, [weight] * len(log_priors))(one)) for weight in WEIGHTS]
        letters = [(weight, letter_scores(some, entries)) for weight, some in priors]
        phones = [(weight, phone_scores(some, entries)) for weight, some in priors]
        for (of_letters, by_letters), (of_phones, by_phones) in itertools.product(letters, phones):
            for fused in WEIGHTS:
                scores = by_letters if by_phones is None else fuse(fused, by_letters, by_phones)
                n_right[of_letters, of_phones, fused] += int(scores.argmax() == ref)
    best = max(n_right.values())
    error = math.sqrt(best * (len(drawn) - best) / len(drawn))  # of a binomial count
    *weights, phones_weight = np.mean([some for some, n in n_right.items() if n >= best - error], axis=0).tolist()
    prior = LabelPrior(log_priors, weights[: len(log_priors)])
    return prior, phones_weight if recognizer.inventory else recognizer.phones_weight


def _log_prior(log_probs: Sequence[Floats]) -> list[float]:
    """The log of the mean posterior of each symbol over all frames of one output, ``(n_symbols,)`` nats."""
    proportion = np.concatenate([np.exp(one) for one in log_probs]).mean(axis=0)
    found: list[float] = np.log(np.maximum(proportion, LEAST_PROPORTION)).tolist()
    return found
