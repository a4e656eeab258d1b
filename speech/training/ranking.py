"""How names are ranked, fitted to validation clips: the label prior and the weight of the phones."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from speech.data.augment.light import Augment
from speech.data.augment.room import Room
from speech.data.augment.strength import FULL_STRENGTH
from speech.data.dataset import Clip
from speech.inference.label_prior import LabelPrior
from speech.inference.scoring import fuse, letter_scores, phone_scores
from speech.model.recognizer import Recognizer
from speech.training.calibration import LEAST_CLIPS, LEAST_NAMES

N_PRIOR = 256  # clips


LEAST_SHARE = 1e-4  # of frames: a letter that validation never has is no sure sign either


WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)


def fit_ranking(
    recognizer: Recognizer, clips: Sequence[Clip], augment: Augment | Room | None, seed: int
) -> tuple[LabelPrior | None, float]:
    """The prior of each letter in validation ``clips``, disturbed as in training, and the weights of it and of the
    phones that rank the clips best: the mean of all pairs within a standard error of the best (Breiman et al. 1984
    have the rule for the size of a tree), since among those it is chance which comes first.

    Of too few clips no prior is known, and the phones' weight stays as it is.
    """
    drawn = [clips[i] for i in np.random.default_rng(seed).permutation(len(clips))[:N_PRIOR]]
    texts = list(dict.fromkeys(recognizer.alphabet.fold(clip.name) for clip in drawn))
    if len(texts) < LEAST_NAMES or len(clips) < LEAST_CLIPS:
        return None, recognizer.phones_weight
    waveforms = [clip.waveform for clip in drawn]
    if augment is not None:
        rng = np.random.default_rng(seed)
        waveforms, _ = augment.batch(waveforms, recognizer.sample_rate, rng, n_before=FULL_STRENGTH)
    heard = [recognizer.log_probs(waveform) for waveform in waveforms]
    share = np.concatenate([np.exp(frames.letters) for frames in heard]).mean(axis=0)
    log_prior = np.log(np.maximum(share, LEAST_SHARE)).tolist()
    said = [texts.index(recognizer.alphabet.fold(clip.name)) for clip in drawn]
    entries = list(recognizer.lexicon(texts).values())
    by_phones = [phone_scores(frames, entries) for frames in heard]
    right: Counter[tuple[float, float]] = Counter()
    for of_prior in WEIGHTS:
        prior = LabelPrior(log_prior, of_prior)
        for frames, phones, i in zip(heard, by_phones, said, strict=True):
            letters = letter_scores(prior(frames.letters), entries)
            for of_phones in (0.0,) if phones is None else WEIGHTS:
                scores = letters if phones is None else fuse(of_phones, letters, phones)
                right[of_prior, of_phones] += int(scores.argmax() == i)
    best = max(right.values())
    error = math.sqrt(best * (len(heard) - best) / len(heard))  # of a binomial count
    prior_weight, phones_weight = np.mean([pair for pair, n in right.items() if n >= best - error], axis=0).tolist()
    return LabelPrior(log_prior, prior_weight), phones_weight
