"""Keyword spotting: names of a list inside of running speech, where no pause tells their ends. numpy only.

Method: token passing (Young, Russell and Thornton 1989) by Viterbi over the CTC states of each pronunciation finds
spans that may be a name, which may begin in every frame. Its score is the log of the likelihood ratio between its path
and the filler, the likeliest symbol of each frame (Rose and Paul 1990): at most 0, and so low that most of what scores
well is none. Each span is then recognised by itself, as a recording is, and confirmed by all of its paths:

    log p(name | span) - log p(filler | span)     a symbol, of letters and of phones, fused as for ranking
    less SHORTNESS / n_symbols                    the fewer symbols, the more other words fit by chance

What it has to reach is fitted to the recogniser (``Confirmation``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speech.audio.files import Waveform
from speech.inference.confirmation import UNFITTED
from speech.inference.label_prior import LabelPrior
from speech.inference.score import may_skip, with_blanks
from speech.inference.scoring import Entry, LogProbs, Variants, fuse, have_pronunciations, letter_scores, phone_scores
from speech.inference.transcriber import Transcriber, Transcript
from speech.text.alphabet import BLANK

# Found on sentences of LibriSpeech, with the first recogniser that shipped, by speakers who are not in its training.
THRESHOLD = -1.6  # nats a symbol: what is recognised by itself
SHORTNESS = 6.0  # nats
PRIOR_WEIGHT = 0.3  # of the labels' prior: with ranking's, for names alone, blanks win too seldom here

LEAST_PROBABILITY, N_VARIANTS = 0.05, 4  # of a name: rarer pronunciations cost time and false alarms
LONGEST_S = 0.3  # of a span, times its symbols
SPAN_MARGIN_S = 0.09  # around a span: what a symbol is recognised by lies around its peak
FORBIDDEN = np.float32(-1e9)  # stands for log 0


class Candidate(NamedTuple):
    """Frames ``first`` to ``last``, the latter not included, score ``score`` nats a symbol as a name (at most 0)."""

    first: int
    last: int
    score: float
    n_symbols: int

    @property
    def excess(self) -> float:
        """Nats over the threshold, in all."""
        return (self.score - THRESHOLD) * self.n_symbols


class Spotted(NamedTuple):
    """A name from ``start_s`` to ``end_s`` of the recording, and the transcript of that span."""

    start_s: float
    end_s: float
    transcript: Transcript


class _Columns(NamedTuple):
    """CTC states without the blanks at either end, one column a text, padded: ``(n_states, n_texts)``."""

    states: NDArray[np.int64]
    forbidden: NDArray[np.float32]  # added to a step over the state before: 0 where it may be taken
    ends: NDArray[np.int64]  # row of each text's last symbol


def _columns(texts: Sequence[Sequence[int]]) -> _Columns:
    ends = np.array([2 * len(text) - 2 for text in texts])
    states = np.full((ends.max() + 1, len(texts)), BLANK, dtype=np.int64)
    for i, text in enumerate(texts):
        states[: ends[i] + 1, i] = with_blanks(text)[1:-1]
    return _Columns(states, np.where(may_skip(states.T).T, np.float32(0), FORBIDDEN), ends)


def best_paths(local: NDArray[np.float32], columns: _Columns, restart: bool = True) -> NDArray[np.float32]:
    """The score of each text's best path that ends in each frame, ``(n_frames, n_texts)``.

    ``local`` is each frame's score of each symbol. A path begins in any frame with ``restart``, else in the first.
    """
    n_states, n_texts = columns.states.shape
    # Two rows above the states: from the lower one each text begins, from the other nothing comes.
    alpha = np.full((n_states + 2, n_texts), FORBIDDEN)
    alpha[1] = 0
    found, each = np.empty((len(local), n_texts), np.float32), np.arange(n_texts)
    for t, frame in enumerate(local):
        best = np.maximum(alpha[2:], alpha[1:-1])
        np.maximum(best, alpha[:-2] + columns.forbidden, out=best)
        alpha[2:] = best + frame[columns.states]
        if not restart:
            alpha[1] = FORBIDDEN
        found[t] = alpha[columns.ends + 2, each]
    return found


def _likeliest(variants: Variants) -> list[list[int]]:
    """The symbols of the N_VARIANTS likeliest, of which all but the first are of LEAST_PROBABILITY or more."""
    order = np.argsort(-np.array(variants.log_p), kind="stable")[:N_VARIANTS]
    least = math.log(LEAST_PROBABILITY)
    return [list(variants.symbols[i]) for rank, i in enumerate(order) if not rank or variants.log_p[i] >= least]


class Spotter:
    """Finds the names of ``lexicon`` inside of what ``transcriber`` hears, by their phones where there are any.

    ``false_alarms_per_hour`` of running speech are let pass for each name. Raises ValueError unless it is
    above 0.
    """

    def __init__(self, transcriber: Transcriber, lexicon: Mapping[str, Entry], false_alarms_per_hour: float) -> None:
        if not 0 < false_alarms_per_hour < math.inf:
            raise ValueError(
                f"false_alarms_per_hour={false_alarms_per_hour} must be above 0; null looks for none inside"
            )
        self._transcriber, self._lexicon = transcriber, lexicon
        self._least = (transcriber.confirmation or UNFITTED).threshold(false_alarms_per_hour)
        prior = transcriber.label_prior
        self._prior = prior and LabelPrior(prior.log_priors, [PRIOR_WEIGHT] * len(prior.weights))
        self._output = int(transcriber.inventory is not None and have_pronunciations([*lexicon.values()]))
        texts = [_likeliest(entry[self._output]) for entry in lexicon.values()]
        self._texts = [text for some in texts for text in some]
        self._columns = _columns(self._texts) if self._texts else None
        self._n_symbols = np.array([len(text) for text in self._texts])

    def spot(self, waveform: Waveform, log_probs: LogProbs, start_s: float) -> Iterator[Spotted]:
        """The names in ``waveform``, of which ``log_probs`` are, and which begins ``start_s`` into the recording."""
        return (one for score, one in self.scored(waveform, log_probs, start_s) if score >= self._least)

    def scored(self, waveform: Waveform, log_probs: LogProbs, start_s: float) -> Iterator[tuple[float, Spotted]]:
        """Every span that may be a name and is not called none of the list, as it is told of, with its score."""
        transcriber = self._transcriber
        frame, margin = (round(transcriber.sample_rate * s) for s in (transcriber.frame_s, SPAN_MARGIN_S))
        for one in self.candidates(log_probs):
            begin = max(0, one.first * frame - margin)
            span = waveform[begin : one.last * frame + margin]
            again = transcriber.log_probs(span)
            begin_s = start_s + begin / transcriber.sample_rate
            transcript = transcriber.transcript(again, begin_s, self._lexicon)
            if transcript.accepted is False and not transcript.unsure:
                continue
            if transcript.accepted is False:  # what the recogniser is unsure of, the likelihood ratio decides
                transcript = replace(transcript, accepted=True, unsure=False)
            first_s, last_s = (start_s + t * transcriber.frame_s for t in one[:2])
            yield self._score(again, transcript.names[0][0]), Spotted(first_s, last_s, transcript)

    def candidates(self, log_probs: LogProbs) -> list[Candidate]:
        """By time, no two of which overlap: spans that do are one together, since *Mark* is in *Marcus*."""
        if self._columns is None:
            return []
        scores = self._corrected(log_probs).outputs[self._output]
        local = (scores - scores.max(axis=1, keepdims=True)).astype(np.float32)
        each = best_paths(local, self._columns) / self._n_symbols
        kept: list[Candidate] = []
        for one in sorted(self._peaks(local, each), key=lambda one: -one.excess):
            over = [i for i, other in enumerate(kept) if one.first < other.last and other.first < one.last]
            if not over:
                kept.append(one)
            elif len(over) == 1 and one.excess > kept[over[0]].excess / 2:
                best = kept[over[0]]
                kept[over[0]] = best._replace(first=min(best.first, one.first), last=max(best.last, one.last))
        return sorted(kept)

    def confirms(self, log_probs: LogProbs, name: str) -> bool:
        """Whether a span with these ``log_probs`` is ``name``, the likeliest, even in running speech."""
        return self._score(log_probs, name) >= self._least

    def _score(self, log_probs: LogProbs, name: str) -> float:
        entry, corrected = self._lexicon[name], self._corrected(log_probs)
        letters, phones = letter_scores(corrected, [entry]), phone_scores(corrected, [entry])
        n_letters = len(entry.letters.symbols[0])
        ratio = float(letters[0] - corrected.letters.max(axis=1).sum()) / n_letters
        if phones is None or corrected.phones is None:
            return ratio - SHORTNESS / n_letters
        n_phones = len(_likeliest(entry.phones)[0])
        of_phones = float(phones[0] - corrected.phones.max(axis=1).sum()) / n_phones
        return fuse(self._transcriber.phones_weight, ratio, of_phones) - SHORTNESS / n_phones

    def _corrected(self, log_probs: LogProbs) -> LogProbs:
        return self._prior(log_probs) if self._prior else log_probs

    def _peaks(self, local: NDArray[np.float32], each: NDArray[np.float32]) -> Iterator[Candidate]:
        """Of each text, the best of each run of frames that it may end in."""
        for i in np.flatnonzero((each >= THRESHOLD).any(axis=0)).tolist():
            edges = np.flatnonzero(np.diff(np.r_[0, (each[:, i] >= THRESHOLD).astype(np.int8), 0]))
            longest = math.ceil(len(self._texts[i]) * LONGEST_S / self._transcriber.frame_s)
            for begin, end in edges.reshape(-1, 2).tolist():
                last = begin + int(each[begin:end, i].argmax()) + 1
                # Where its best path begins: the same pass, backwards from its end.
                backwards = local[max(0, last - longest - 1) : last][::-1]
                found = best_paths(backwards, _columns([self._texts[i][::-1]]), restart=False)[:, 0]
                n_frames = int(found.argmax()) + 1
                if n_frames <= longest:
                    yield Candidate(last - n_frames, last, float(each[last - 1, i]), len(self._texts[i]))
