"""Keyword spotting: finds names of a list within running speech, where no pause marks their ends. numpy only.

Method: token passing (Young, Russell and Thornton 1989), by Viterbi over the CTC states of each pronunciation, finds
candidate spans, which may begin in any frame. A candidate's score is the log-likelihood ratio between its path and the
filler, the likeliest symbol of each frame (Rose and Paul 1990). It is at most 0, and its threshold is so low that most
candidates are not names. Each span is then recognised by itself, as a recording is, and confirmed by all of its paths:

    log p(name | span) - log p(filler | span)     per symbol, of letters and of phones, fused as for ranking
    less SHORTNESS / n_symbols                    the fewer symbols, the more other words fit by chance

The threshold of this score is fitted to the recogniser (``Confirmation``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speech.audio.files import Waveform
from speech.inference import label_prior
from speech.inference.confirmation import UNFITTED
from speech.inference.score import Floats, may_skip, with_blanks
from speech.inference.scoring import (
    Entry,
    LogProbs,
    Variants,
    fuse,
    have_pronunciations,
    length,
    letter_scores,
    phone_scores,
)
from speech.inference.transcriber import Transcriber, Transcript
from speech.text.alphabet import BLANK

# Chosen on LibriSpeech sentences, with the first recogniser that shipped, by speakers who are not in its training data.
THRESHOLD = -1.6  # nats per symbol: candidates that score as high are recognised by themselves
SHORTNESS = 6.0  # nats
PRIOR_WEIGHT = 0.3  # of the label prior: with the weight that ranks isolated names, blanks would win too seldom here

LEAST_PROBABILITY, N_VARIANTS = 0.05, 4  # of a name's pronunciations: rarer ones cost time and cause false alarms
LONGEST_S = 0.3  # the longest span, per symbol
SPAN_MARGIN_S = 0.09  # around a span: the sound that identifies a symbol lies around its peak
FORBIDDEN = np.float32(-1e9)  # stands for log 0


class Candidate(NamedTuple):
    """Frames ``first`` to ``last`` (exclusive), whose score as ``text`` is ``score`` nats per symbol (at most 0)."""

    first: int
    last: int
    score: float
    n_symbols: int
    text: int  # index into the texts that are searched for

    @property
    def ratio(self) -> float:
        """Nats per symbol, less the penalty for short texts, which fit more often by chance."""
        return self.score - SHORTNESS / self.n_symbols

    @property
    def excess(self) -> float:
        """Nats above the threshold, over all symbols."""
        return (self.score - THRESHOLD) * self.n_symbols


class Spotted(NamedTuple):
    """A name from ``start_s`` to ``end_s`` of the recording, and the transcript of that span."""

    start_s: float
    end_s: float
    transcript: Transcript


class _Columns(NamedTuple):
    """CTC states without the blanks at either end, one column per text, padded: ``(n_states, n_texts)``."""

    states: NDArray[np.int64]
    forbidden: NDArray[np.float32]  # added where a step skips a state: 0 where it may be skipped
    ends: NDArray[np.int64]  # index of each text's last symbol in the flattened states


def _columns(texts: Sequence[Sequence[int]]) -> _Columns:
    rows = np.array([2 * len(text) - 2 for text in texts])
    states = np.full((rows.max() + 1, len(texts)), BLANK, dtype=np.int64)
    for i, text in enumerate(texts):
        states[: rows[i] + 1, i] = with_blanks(text)[1:-1]
    ends = rows * len(texts) + np.arange(len(texts))
    return _Columns(states, np.where(may_skip(states.T).T, np.float32(0), FORBIDDEN), ends)


class _Paths:
    """The best path of each text that ends in each frame, from one block of frames to the next."""

    def __init__(self, columns: _Columns) -> None:
        self._columns = columns
        n_states, n_texts = columns.states.shape
        self._alpha = np.empty((n_states + 2, n_texts), np.float32)
        self.begin()

    def begin(self) -> None:
        """Begin a new stream of frames."""
        # Two rows above the states: every text begins from the lower one; no path comes from the other.
        self._alpha[:] = FORBIDDEN
        self._alpha[1] = 0

    def __call__(self, local: NDArray[np.float32], restart: bool = True) -> NDArray[np.float32]:
        """The score of each text's path that ends in each frame, ``(n_frames, n_texts)``.

        ``local`` is the score of each symbol in each frame. With ``restart`` a path may begin in any frame, else only
        in the first.
        """
        columns, alpha = self._columns, self._alpha
        states, state_before, two_before = alpha[2:], alpha[1:-1], alpha[:-2]
        best, skipped = np.empty_like(states), np.empty_like(states)
        found = np.empty((len(local), alpha.shape[1]), np.float32)
        for frame, ends in zip(local, found, strict=True):
            np.add(two_before, columns.forbidden, out=skipped)
            np.maximum(states, state_before, out=best)
            np.maximum(best, skipped, out=best)
            np.add(best, frame.take(columns.states), out=states)
            if not restart:
                alpha[1] = FORBIDDEN
            states.take(columns.ends, out=ends)
        return found


class Search:
    """Finds the spans of a stream of frames that may be one of ``texts``, by the output that ``scores`` gives.

    A text may end in runs of consecutive frames. Its candidate ends in the best frame of a run, or in the best so far
    if no better one follows within ``hold_s``: in silence, where a path may stay in a blank, a run lasts long.
    Candidates are returned ``hold_s`` after the last of them ended, unless another may still end; overlapping ones are
    merged. The sizes of the blocks do not affect the result.
    """

    def __init__(
        self, texts: Sequence[Sequence[int]], frame_s: float, hold_s: float, scores: Callable[[LogProbs], Floats]
    ) -> None:
        self._texts, self._scores, self._hold = texts, scores, hold_s / frame_s
        self._paths = _Paths(_columns(texts)) if texts else None
        self._n_symbols = np.array([len(text) for text in texts])
        self._longest = np.array([math.ceil(len(text) * LONGEST_S / frame_s) for text in texts])
        self._waits = np.minimum(self._longest, self._hold)  # frames to wait for a better one in a run
        self.begin()

    def begin(self) -> None:
        """Begin a new stream."""
        if self._paths is not None:
            self._paths.begin()
        self._n_frames = 0
        self._recent: list[NDArray[np.float32]] = []  # each frame's score of each symbol, from frame ``first`` on
        self._first = 0
        self._best = np.full(len(self._texts), -np.inf)  # best score of each text in its current run
        self._best_at = np.zeros(len(self._texts), int)  # number of frames up to that score
        self._closed = np.zeros(len(self._texts), bool)  # whether a text's run continues after its candidate is known
        self._open = False  # whether the last frame is in the run of any other text
        self._unsettled: list[Candidate] = []

    def feed(self, log_probs: LogProbs) -> list[Candidate]:
        """The candidates that are now settled, by time."""
        if self._paths is None:
            return []
        scores = self._scores(log_probs)
        local = (scores - scores.max(axis=1, keepdims=True)).astype(np.float32)
        self._recent += list(local)
        settled: list[Candidate] = []
        scored = self._paths(local) / self._n_symbols
        highs = scored >= THRESHOLD
        for each, high, any_high in zip(scored, highs, highs.any(axis=1).tolist(), strict=True):
            self._n_frames += 1
            if not (any_high or self._open or self._unsettled):  # as in most frames
                self._closed[:] = False
                continue
            self._closed &= high & (self._n_frames - self._best_at < self._longest)
            high &= ~self._closed
            better = high & (each > self._best)
            self._best[better], self._best_at[better] = each[better], self._n_frames
            over = (self._best > -np.inf) & (~high | (self._n_frames - self._best_at >= self._waits))
            self._closed |= over & high
            self._close(over)
            self._open = bool((high & ~over).any())
            if self._unsettled:
                waited = self._n_frames - max(one.last for one in self._unsettled)
                if waited >= self._hold and (not self._open or waited >= self._longest.max()):
                    settled += self._settle()
        needed = min(self._best_at[self._best > -np.inf], default=self._n_frames) - self._longest.max() - 1
        del self._recent[: max(0, needed - self._first)]
        self._first = self._n_frames - len(self._recent)
        return settled

    def finish(self) -> list[Candidate]:
        """The candidates that the end of the stream settles."""
        self._close(self._best > -np.inf)
        return self._settle()

    def _close(self, over: NDArray[np.bool_]) -> None:
        """End the runs of the texts that ``over`` marks, and add their candidates."""
        for i in np.flatnonzero(over).tolist():
            last, longest = int(self._best_at[i]), int(self._longest[i])
            # The same pass, backwards from the end of its best path, finds where that begins.
            stop = last - self._first
            backwards = np.array(self._recent[max(0, stop - longest - 1) : stop][::-1])
            found = _Paths(_columns([self._texts[i][::-1]]))(backwards, restart=False)[:, 0]
            n_frames = int(found.argmax()) + 1
            if n_frames <= longest:
                score, n_symbols = float(self._best[i]), len(self._texts[i])
                self._unsettled.append(Candidate(last - n_frames, last, score, n_symbols, i))
            self._best[i] = -np.inf

    def _settle(self) -> list[Candidate]:
        kept: list[Candidate] = []
        for one in sorted(self._unsettled, key=lambda one: -one.excess):
            over = [i for i, other in enumerate(kept) if one.first < other.last and other.first < one.last]
            if not over:
                kept.append(one)
            elif len(over) == 1 and one.excess > kept[over[0]].excess / 2:
                best = kept[over[0]]
                kept[over[0]] = best._replace(first=min(best.first, one.first), last=max(best.last, one.last))
        self._unsettled = []
        return sorted(kept)


def _likeliest(variants: Variants) -> list[list[int]]:
    """The symbols of the N_VARIANTS likeliest; all but the first have LEAST_PROBABILITY or more."""
    order = np.argsort(-np.array(variants.log_p), kind="stable")[:N_VARIANTS]
    least = math.log(LEAST_PROBABILITY)
    return [list(variants.symbols[i]) for rank, i in enumerate(order) if not rank or variants.log_p[i] >= least]


class Spotter:
    """Finds the names of ``lexicon`` in running speech with ``transcriber``, by their phones if all have any.

    ``false_alarms_per_hour`` is the number allowed for each name in an hour of running speech. Raises ValueError
    unless it is above 0.
    """

    def __init__(self, transcriber: Transcriber, lexicon: Mapping[str, Entry], false_alarms_per_hour: float) -> None:
        is_number = isinstance(false_alarms_per_hour, int | float) and not isinstance(false_alarms_per_hour, bool)
        if not is_number or not 0 < false_alarms_per_hour < math.inf:
            raise ValueError(
                f"false_alarms_per_hour={false_alarms_per_hour} must be above 0; null: only names between pauses"
            )
        self.transcriber, self._lexicon, self._per_hour = transcriber, lexicon, false_alarms_per_hour
        self._least = self.threshold(transcriber)
        self._output = int(transcriber.inventory is not None and have_pronunciations([*lexicon.values()]))
        texts = {name: _likeliest(entry[self._output]) for name, entry in lexicon.items()}
        self._texts = [text for some in texts.values() for text in some]
        self.names = [name for name, some in texts.items() for _ in some]  # the name of each text

    def spot(self, waveform: Waveform, log_probs: LogProbs, start_s: float) -> Iterator[Spotted]:
        """The names in ``waveform``, whose log-probabilities are ``log_probs``, and which begins ``start_s`` into the
        recording."""
        return (one for score, one in self.scored(waveform, log_probs, start_s) if score >= self._least)

    def scored(self, waveform: Waveform, log_probs: LogProbs, start_s: float) -> Iterator[tuple[float, Spotted]]:
        """Every candidate span that is not rejected as out of list, with its score and as ``decided``; by time.
        No two overlap: overlapping spans are merged, since *Mark* is in *Marcus*."""
        search = self.search(math.inf)
        for one in search.feed(log_probs) + search.finish():
            score, spotted = self.recognised(one, waveform, start_s)
            if spotted.transcript.accepted is not False or spotted.transcript.unsure:
                yield score, decided(spotted)

    def recognised(self, one: Candidate, waveform: Waveform, start_s: float) -> tuple[float, Spotted]:
        """The score of the likeliest name, and the candidate's span recognised by itself.

        ``waveform`` begins ``start_s`` into the recording, and the frames of ``one`` are counted from there.
        """
        transcriber = self.transcriber
        frame, margin = (round(transcriber.sample_rate * s) for s in (transcriber.frame_s, SPAN_MARGIN_S))
        begin = max(0, one.first * frame - margin)
        again = transcriber.log_probs(waveform[begin : one.last * frame + margin])
        transcript = transcriber.transcript(again, start_s + begin / transcriber.sample_rate, self._lexicon)
        first_s, last_s = (start_s + t * transcriber.frame_s for t in one[:2])
        return self._score(again, transcript.names[0][0]), Spotted(first_s, last_s, transcript)

    def search(self, hold_s: float, finder: Transcriber | None = None) -> Search:
        """A search for candidates in a stream, returned ``hold_s`` after they end. It takes the log-probabilities of
        ``finder`` or, without one, of the transcriber."""
        of = finder or self.transcriber
        return Search(self._texts, of.frame_s, hold_s, lambda some: corrected(of, some).outputs[self._output])

    def threshold(self, transcriber: Transcriber) -> float:
        """The score that a name has to reach, as fitted to ``transcriber``."""
        return (transcriber.confirmation or UNFITTED).threshold(self._per_hour)

    def confirms(self, log_probs: LogProbs, name: str) -> bool:
        """Whether a span with these ``log_probs`` is its likeliest ``name`` by the threshold for running speech."""
        return self._score(log_probs, name) >= self._least

    def _score(self, log_probs: LogProbs, name: str) -> float:
        entry, fair = self._lexicon[name], corrected(self.transcriber, log_probs)
        letters, phones = letter_scores(fair, [entry]), phone_scores(fair, [entry])
        n_letters = len(entry.letters.symbols[0])
        ratio = float(letters[0] - fair.letters.max(axis=1).sum()) / n_letters
        if phones is None or fair.phones is None:
            return ratio - SHORTNESS / n_letters
        n_phones = length(entry.phones)
        of_phones = float(phones[0] - fair.phones.max(axis=1).sum()) / n_phones
        return fuse(self.transcriber.phones_weight, ratio, of_phones) - SHORTNESS / n_phones


def corrected(transcriber: Transcriber, log_probs: LogProbs) -> LogProbs:
    """``log_probs`` less PRIOR_WEIGHT times the label prior of ``transcriber``; unchanged if it has none."""
    if (prior := transcriber.label_prior) is None:
        return log_probs
    pairs = zip(log_probs.outputs, prior.log_priors, strict=True)
    return LogProbs(*(label_prior.corrected(some, of_output, PRIOR_WEIGHT) for some, of_output in pairs))


def decided(spotted: Spotted) -> Spotted:
    """``spotted`` as accepted: its likelihood ratio overrules the rejection model."""
    return spotted._replace(transcript=replace(spotted.transcript, accepted=True, unsure=False))
