"""How ``rejection`` is fitted to a trained recogniser, on validation clips alone, and how well that holds.

Each sound is held against lists of many sizes: a clip with its name in the list, and with its name left out; and
what is no name of any list: the first part of one clip with the last of another (words that nobody says, in speech),
clips backwards, and noise of a clip's own spectrum. Every second sound passes the disturbances of training, so that
the threshold does not take a poor microphone for another word.

All figures of the report, and the thresholds, are of names that the fit did not see: the names are halved, each half
is judged by what the other taught, and only the weights that are kept are fitted to both.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from speech.alphabet import Alphabet
from speech.audio import Waveform
from speech.augment.light import Augment
from speech.augment.room import Room
from speech.augment.strength import FULL_STRENGTH
from speech.corpus.dataset import Clip
from speech.ctc.score import Floats
from speech.metrics import n_edits
from speech.prior import Prior
from speech.recognizer import Recognizer
from speech.rejection import EVIDENCE, Rejection, key, probability
from speech.transcriber import Frames, letter_scores, mixed, phone_scores

RATES = (0.01, 0.02, 0.05, 0.1)  # of false acceptance, for each of which there is a threshold
LISTED, OTHER_NAME, SPLICED, REVERSED, NOISE = "listed", "another name", "spliced", "reversed", "noise"
WORDS = (OTHER_NAME, SPLICED)  # the rates are held for each of these alone
N_CLIPS = {OTHER_NAME: 400, SPLICED: 200, REVERSED: 100, NOISE: 100}  # at most, in two halves
N_LISTS = 4  # for each sound
N_POOL = 500  # names that lists are drawn from
LEAST_NAMES, LEAST_CLIPS = 8, 40  # in validation; fewer teach nothing about others
ALIKE = 1 / 3  # edits per letter from a splice or one of its parts: such a name may well be heard in it
SPLICE = (0.35, 0.65)  # of a clip: where it is cut
N_BINS = 10
N_PRIOR = 256  # clips
LEAST_SHARE = 1e-4  # of frames: a letter that validation never has is no sure sign either
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)


class Sound(NamedTuple):
    """A clip, or what was made of one or two."""

    kind: str
    texts: tuple[str, ...]  # what may be heard in it: the name that it is, or those of its parts and their letters
    frames: Frames


class Trials(NamedTuple):
    """Sounds held against lists, a row each."""

    evidences: Floats  # (n, len(EVIDENCE))
    kinds: np.ndarray  # str (n,): LISTED, or why the sound is none of the list

    @property
    def none(self) -> np.ndarray:
        return self.kinds != LISTED

    @property
    def weights(self) -> Floats:
        """Listed and other sounds weigh the same, and so do the kinds of the latter; they add up to ``n``."""
        kinds, n_of = np.unique(self.kinds, return_counts=True)
        share = {kind: (0.5 if kind == LISTED else 0.5 / max(1, len(kinds) - 1)) for kind in kinds}
        per_row = {kind: len(self.kinds) * share[kind] / n for kind, n in zip(kinds, n_of, strict=True)}
        return np.array([per_row[kind] for kind in self.kinds])


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


def fit_ranking(
    recognizer: Recognizer, clips: Sequence[Clip], augment: Augment | Room | None, seed: int
) -> tuple[Prior | None, float]:
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
    heard = [recognizer.hear(waveform) for waveform in waveforms]
    share = np.concatenate([np.exp(frames.letters) for frames in heard]).mean(axis=0)
    log_prior = np.log(np.maximum(share, LEAST_SHARE)).tolist()
    said = [texts.index(recognizer.alphabet.fold(clip.name)) for clip in drawn]
    entries = list(recognizer.lexicon(texts).values())
    by_phones = [phone_scores(frames, entries) for frames in heard]
    right: Counter[tuple[float, float]] = Counter()
    for of_prior in WEIGHTS:
        prior = Prior(log_prior, of_prior)
        for frames, phones, i in zip(heard, by_phones, said, strict=True):
            letters = letter_scores(prior(frames.letters), entries)
            for of_phones in (0.0,) if phones is None else WEIGHTS:
                scores = letters if phones is None else mixed(of_phones, letters, phones)
                right[of_prior, of_phones] += int(scores.argmax() == i)
    best = max(right.values())
    error = math.sqrt(best * (len(heard) - best) / len(heard))  # of a binomial count
    prior_weight, phones_weight = np.mean([pair for pair, n in right.items() if n >= best - error], axis=0).tolist()
    return Prior(log_prior, prior_weight), phones_weight


def calibrate(
    recognizer: Recognizer,
    clips: Sequence[Clip],
    names: Sequence[str],
    augment: Augment | Room | None,
    false_acceptance: float,
    seed: int,
) -> tuple[Rejection | None, dict[str, Any]]:
    """``recognizer``'s Rejection from validation ``clips``, and the report on it; None, with the reason, for too few.

    ``names`` are more that lists may hold, ``augment`` the disturbances of training.
    Raises ValueError for a rate that is none of ``RATES``.
    """
    if false_acceptance not in RATES:
        raise ValueError(f"false_acceptance={false_acceptance} is none of {', '.join(map(key, RATES))}")
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
    rejection = Rejection(weights, _thresholds(both, np.concatenate(held_out)), key(false_acceptance))
    report: dict[str, Any] = {"n_names": len(own), "n_trials": len(both.kinds), "weights": dict(_named(weights))}
    report |= {"false_acceptance": false_acceptance, "thresholds": rejection.thresholds}
    report["accepted"] = {
        rate: _accepted(halves, held_out, [thresholds[1][rate], thresholds[0][rate]]) for rate in rejection.thresholds
    }
    report |= reliability(both, np.concatenate(held_out))
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


def reliability(trials: Trials, nones: Floats) -> dict[str, Any]:
    """Of what got about the same p(none), how much was none? A row a bin, and the error that is to be expected.

    Expected calibration error: the mean over all trials of how far the mean p(none) of their bin is from the share
    that was none (Naeini, Cooper and Hauskrecht 2015).
    """
    rows, weights, error = [], trials.weights / trials.weights.sum(), 0.0
    bins = np.minimum((nones * N_BINS).astype(int), N_BINS - 1)
    for i in range(N_BINS):
        there = bins == i
        share = float(weights[there].sum())
        if share == 0:
            continue
        said, true = (float(weights[there] @ some[there]) / share for some in (nones, trials.none))
        error += share * abs(said - true)
        rows.append({"share": share, "n_trials": int(there.sum()), "mean_none": said, "was_none": true})
    return {"expected_calibration_error": error, "reliability": rows}


def _pool(own: list[str], others: list[str], alphabet: Alphabet, rng: np.random.Generator) -> list[str]:
    """Names for lists: the clips' ``own``, then ``others``, then invented ones, to ``N_POOL`` in all.

    The invented ones are spelt letter after letter as real names are (a Markov chain, Shannon 1948).
    """
    pool = [*own, *(others[i] for i in rng.permutation(len(others)))][: max(N_POOL, len(own))]
    real = [*own, *others]
    follows: dict[str, list[str]] = {}
    for text in real:
        for before, after in zip("^" + text, text + "$", strict=True):
            follows.setdefault(before, []).append(after)
    there = set(pool)
    longest = max(map(len, real))
    for _ in range(20 * N_POOL):  # few names may not allow so many others
        if len(pool) >= N_POOL:
            break
        text, letter = "", "^"
        while (letter := follows[letter][rng.integers(len(follows[letter]))]) != "$" and len(text) <= longest:
            text += letter
        text = " ".join(text.split())
        if len(text) > 1 and text[0] in alphabet.letters and text not in there and any(c.isalpha() for c in text):
            there.add(text)
            pool.append(text)
    return pool


def _sounds(
    recognizer: Recognizer, clips: Sequence[Clip], augment: Augment | Room | None, rng: np.random.Generator
) -> list[Sound]:
    """What is heard in ``clips`` and in what is made of them, every second disturbed."""
    fold = recognizer.alphabet.fold

    def some(kind: str) -> list[int]:
        return [int(i) for i in rng.permutation(len(clips))[: N_CLIPS[kind] // 2]]

    made: list[tuple[str, tuple[str, ...], Waveform]] = [(OTHER_NAME, (fold(c.name),), c.waveform) for c in clips]
    for i in some(SPLICED):
        start, end = clips[i], clips[int(rng.integers(len(clips)))]
        if fold(start.name) != fold(end.name):
            until, since = rng.uniform(*SPLICE, 2)
            head, tail = int(len(start.samples) * until), int(len(end.samples) * since)
            spelt = fold(start.name)[: round(len(start.name) * until)] + fold(end.name)[round(len(end.name) * since) :]
            texts = (spelt, fold(start.name), fold(end.name))
            made.append((SPLICED, texts, np.concatenate([start.waveform[:head], end.waveform[tail:]])))
    made += [(REVERSED, (fold(clips[i].name),), clips[i].waveform[::-1].copy()) for i in some(REVERSED)]
    for i in some(NOISE):  # random phases (Theiler et al. 1992): the same mean spectrum, and nothing said
        spectrum = np.abs(np.fft.rfft(clips[i].waveform))
        turned = spectrum * np.exp(2j * np.pi * rng.random(len(spectrum)))
        made.append((NOISE, (fold(clips[i].name),), np.fft.irfft(turned, len(clips[i].samples)).astype(np.float32)))
    waveforms = [waveform for _, _, waveform in made]
    if augment is not None:
        waveforms[1::2], _ = augment.batch(waveforms[1::2], recognizer.sample_rate, rng, n_before=FULL_STRENGTH)
    return [
        Sound(kind, texts, recognizer.hear(waveform))
        for (kind, texts, _), waveform in zip(made, waveforms, strict=True)
    ]


def _alike(a: str, b: str) -> bool:
    return n_edits(a, b) <= ALIKE * max(len(a), len(b))


def _trials(
    sounds: Sequence[Sound], pool: Sequence[str], n_real: int, recognizer: Recognizer, rng: np.random.Generator
) -> Trials:
    """Each of ``sounds`` against ``N_LISTS`` lists from ``pool``, whose first ``n_real`` names are no inventions.

    Small and large lists are equally common (log-uniform); real names come first, as in lists that people write.
    """
    entries = list(recognizer.lexicon(pool).values())
    index = {text: i for i, text in enumerate(pool)}
    real = np.arange(len(pool)) < n_real
    rows, kinds = [], []
    for sound in sounds:
        ranking = recognizer.scores(sound.frames, entries)
        left_out = np.zeros(len(pool), dtype=bool)
        if sound.kind == OTHER_NAME:
            left_out[index[sound.texts[0]]] = True
        elif sound.kind == SPLICED:
            left_out[:] = [any(_alike(text, part) for part in sound.texts) for text in pool]
        firsts, n_names = [], []
        for trial in range(N_LISTS):
            n = int(np.exp(rng.uniform(0, np.log(len(pool)))))
            order = np.lexsort([rng.random(len(pool)), ~real, left_out])[: min(n, len(pool) - left_out.sum())]
            listed = sound.kind == OTHER_NAME and trial % 2 == 0
            if listed:
                order[-1] = index[sound.texts[0]]
            firsts.append(entries[order[ranking[order].argmax()]])
            n_names.append(len(order))
            kinds.append(LISTED if listed else sound.kind)
        rows.append(recognizer.evidence(sound.frames, firsts, n_names))
    return Trials(np.concatenate(rows), np.array(kinds))


def summary(report: dict[str, Any]) -> str:
    """The report in two lines."""
    if "reason" in report:
        return f"none of these: not calibrated: {report['reason']}"
    rate = key(report["false_acceptance"])
    accepted = ", ".join(f"{kind} {share:.1%}" for kind, share in report["accepted"][rate].items())
    error = report["expected_calibration_error"]
    return (
        f"none of these: at the threshold {report['thresholds'][rate]:.3f}, for {report['false_acceptance']:.0%} of "
        f"other words, it accepts\n  {accepted} (validation; calibration error {error:.3f})"
    )
