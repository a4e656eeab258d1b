"""How names are ranked, fitted to validation clips: the label prior, its weight, and the weight of the phones."""

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
from speech.training.trials import too_few

N_CLIPS = 256  # of validation, at most
LEAST_PROPORTION = 1e-4  # of frames: a letter that validation lacks is no certain sign either
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)


def fit_ranking(
    recognizer: Recognizer, clips: Sequence[Clip], augment: Augment | Room | None, seed: int
) -> tuple[LabelPrior | None, float]:
    """The label prior of validation ``clips``, augmented as in training, and the weight of the phones.

    The weights of the prior and of the phones are those that rank most clips right: the mean of all pairs within a
    standard error of the best, since it is chance which of those comes first (Breiman et al. 1984 choose the size of a
    tree so). Of too few clips there is no prior, and the phones' weight stays as it is.
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
    proportion = np.concatenate([np.exp(one.letters) for one in log_probs]).mean(axis=0)
    log_prior = np.log(np.maximum(proportion, LEAST_PROPORTION)).tolist()
    entries = list(recognizer.lexicon(names).values())
    by_phones = [phone_scores(one, entries) for one in log_probs]
    refs = [names.index(text) for text in texts]
    n_right: Counter[tuple[float, float]] = Counter()  # by the weights of the prior and of the phones
    for of_prior in WEIGHTS:
        prior = LabelPrior(log_prior, of_prior)
        for one, phones, ref in zip(log_probs, by_phones, refs, strict=True):
            letters = letter_scores(prior(one.letters), entries)
            for of_phones in (0.0,) if phones is None else WEIGHTS:
                scores = letters if phones is None else fuse(of_phones, letters, phones)
                n_right[of_prior, of_phones] += int(scores.argmax() == ref)
    best = max(n_right.values())
    error = math.sqrt(best * (len(drawn) - best) / len(drawn))  # of a binomial count
    prior_weight, phones_weight = np.mean([pair for pair, n in n_right.items() if n >= best - error], axis=0).tolist()
    return LabelPrior(log_prior, prior_weight), phones_weight
