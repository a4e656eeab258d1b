"""Trials for calibration: validation clips, and sounds made from them, in lists with and without their name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from speech.audio.files import Waveform
from speech.common.counting import counted
from speech.data.augment.light import Augment
from speech.data.augment.room import Room
from speech.data.augment.strength import FULL_STRENGTH
from speech.data.dataset import Clip
from speech.evaluation import provenance
from speech.evaluation.metrics import n_edits
from speech.inference.score import Floats
from speech.inference.scoring import Entry, LogProbs
from speech.model.recognizer import Recognizer
from speech.text.alphabet import Alphabet

LEAST_NAMES, LEAST_CLIPS = 8, 40  # in validation; a fit to fewer would not generalise
LISTED, OTHER_NAME = "names in the list", "other names"
SPLICED, REVERSED, NOISE = "spliced clips", "reversed clips", "noise"
WORDS = (OTHER_NAME, SPLICED)  # each false-accept rate holds for each of these kinds separately
N_CLIPS = {OTHER_NAME: 400, SPLICED: 200, REVERSED: 100, NOISE: 100}  # at most, in two halves
N_LISTS = 4  # for each sound
N_POOL = 500  # names from which lists are drawn
SIMILAR = 1 / 3  # edits per letter from a splice or one of its parts: the splice may sound like such a name
SPLICE = (0.35, 0.65)  # where a clip is cut, as a proportion of its length


class Sound(NamedTuple):
    """A clip, or a sound made from one or two clips."""

    kind: str
    texts: tuple[str, ...]  # texts it may sound like: its own name, or the spliced letters and the names of its parts
    frames: LogProbs


class Trials(NamedTuple):
    """Sounds in lists, one row per trial."""

    evidences: Floats  # (n, len(EVIDENCE))
    kinds: np.ndarray  # str (n,): LISTED, or why the sound is out of the list

    @property
    def out_of_list(self) -> np.ndarray:
        return self.kinds != LISTED

    @property
    def weights(self) -> Floats:
        """Weights that add up to ``n``: listed and out-of-list sounds weigh the same, as do the out-of-list kinds."""
        kinds, n_of = np.unique(self.kinds, return_counts=True)
        proportion = {kind: (0.5 if kind == LISTED else 0.5 / max(1, len(kinds) - 1)) for kind in kinds}
        per_row = {kind: len(self.kinds) * proportion[kind] / n for kind, n in zip(kinds, n_of, strict=True)}
        return np.array([per_row[kind] for kind in self.kinds])


def too_few(n_clips: int, n_names: int) -> str | None:
    """Why nothing is fitted to ``n_clips`` validation clips of ``n_names`` names; None if they are enough."""
    if n_clips >= LEAST_CLIPS and n_names >= LEAST_NAMES:
        return None
    found = f"{counted(n_clips, 'validation clip')} of {counted(n_names, 'name')}"
    return f"{found}; at least {LEAST_CLIPS} clips of {LEAST_NAMES} names are needed"


def of_people(clips: Sequence[Clip], alphabet: Alphabet) -> Sequence[Clip]:
    """The recordings of people among ``clips`` if there are enough to fit to, otherwise ``clips``.

    People are recognised less well than synthetic voices, so that a fit to synthetic voices accepts too few people.
    """
    people = [clip for clip in clips if provenance.engine(clip.speaker) == "person"]
    return clips if too_few(len(people), len({alphabet.fold(clip.name) for clip in people})) else people


def name_pool(own: list[str], others: list[str], alphabet: Alphabet, rng: np.random.Generator) -> list[str]:
    """Names for lists: the clips' ``own``, then ``others``, then invented ones, up to ``N_POOL`` in all.

    The invented names come from a Markov chain over the letters of the real ones (Shannon 1948).
    """
    pool = [*own, *(others[i] for i in rng.permutation(len(others)))][: max(N_POOL, len(own))]
    real = [*own, *others]
    follows: dict[str, list[str]] = {}
    for text in real:
        for before, after in zip("^" + text, text + "$", strict=True):
            follows.setdefault(before, []).append(after)
    there = set(pool)
    longest = max(map(len, real))
    for _ in range(20 * N_POOL):  # few real names may not yield that many invented ones
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


def make_sounds(
    recognizer: Recognizer, clips: Sequence[Clip], augment: Augment | Room | None, rng: np.random.Generator
) -> list[Sound]:
    """``clips`` and the sounds made from them, every second one augmented, with the recogniser's log-probabilities."""
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
    for i in some(NOISE):  # random phases (Theiler et al. 1992): the clip's mean spectrum without its speech
        spectrum = np.abs(np.fft.rfft(clips[i].waveform))
        turned = spectrum * np.exp(2j * np.pi * rng.random(len(spectrum)))
        made.append((NOISE, (fold(clips[i].name),), np.fft.irfft(turned, len(clips[i].samples)).astype(np.float32)))
    waveforms = [waveform for _, _, waveform in made]
    if augment is not None:
        waveforms[1::2], _ = augment.batch(waveforms[1::2], recognizer.sample_rate, rng, n_before=FULL_STRENGTH)
    return [
        Sound(kind, texts, recognizer.log_probs(waveform))
        for (kind, texts, _), waveform in zip(made, waveforms, strict=True)
    ]


def _similar(a: str, b: str) -> bool:
    return n_edits(a, b) <= SIMILAR * max(len(a), len(b))


def make_trials(
    sounds: Sequence[Sound], pool: Mapping[str, Entry], n_real: int, recognizer: Recognizer, rng: np.random.Generator
) -> Trials:
    """Rank each of ``sounds`` in ``N_LISTS`` lists from ``pool``, whose first ``n_real`` names are not invented.

    The sizes of lists are log-uniform; real names are used before invented ones, as in lists that people write.
    """
    entries = list(pool.values())
    index = {text: i for i, text in enumerate(pool)}
    real = np.arange(len(pool)) < n_real
    rows, kinds = [], []
    for sound in sounds:
        ranking = recognizer.scores(sound.frames, entries)
        left_out = np.zeros(len(pool), dtype=bool)
        if sound.kind == OTHER_NAME:
            left_out[index[sound.texts[0]]] = True
        elif sound.kind == SPLICED:
            left_out[:] = [any(_similar(text, part) for part in sound.texts) for text in pool]
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
