"""How far an exported file agrees with the recogniser that it was made from, clip by clip."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from speech.evaluation.lists import lexicons_of

if TYPE_CHECKING:
    from speech.audio.files import Waveform
    from speech.inference.scoring import LogProbs
    from speech.inference.transcriber import Transcriber

WITHIN = 1e-4  # of float32's log-probabilities: nats, or a part of their size
OUT_OF_LIST_WITHIN = 0.01  # of float32's probability: the decision may differ this near to the threshold alone
LEAST_SAME = 0.995  # of the clips: int8's transcripts, or its first names
TIE = 1e-3  # two names whose probabilities differ by less, relatively, may change places
NEAR = 0.5  # of the first name's probability: another is not unlikely beside it
LEAST = 1e-300  # a probability below which float64 rounds more coarsely than that


class ParityResult(NamedTuple):
    """What one recogniser predicts for one clip."""

    frames: LogProbs
    letters: str
    names: list[tuple[str, float]]  # best first
    out_of_list: float | None = None  # probability, of a recogniser that was calibrated


@dataclass(frozen=True)
class Agreement:
    """How many clips have the same prediction, and the largest differences."""

    n_clips: int
    n_same_transcripts: int
    n_same_first_names: int
    n_same_rankings: int
    largest_difference: float  # of two log-probabilities: nats, or a part of their size where that is over one nat
    largest_out_of_list: float = 0.0  # difference of two probabilities
    n_near_first_names: int = 0  # the same ones, and others that are NEAR for us

    @property
    def exact(self) -> bool:
        """As it has to be in float32."""
        same = self.n_same_transcripts == self.n_same_rankings == self.n_clips
        return same and self.largest_difference <= WITHIN and self.largest_out_of_list <= OUT_OF_LIST_WITHIN

    @property
    def close(self) -> bool:
        """As it has to be in int8."""
        return self.n_same_transcripts >= LEAST_SAME * self.n_clips

    @property
    def close_in_names(self) -> bool:
        """As it has to be in int8 for a recogniser of any list: unsure of single letters, it is asked for names."""
        return self.n_same_first_names >= LEAST_SAME * self.n_clips

    @property
    def close_in_candidates(self) -> bool:
        """As it has to be in int8 for a recogniser of any list that hears streams: what it finds is confirmed.

        It knows less of what is to come, and is unsure between two names more often, where a rounding decides.
        """
        return self.n_near_first_names >= LEAST_SAME * self.n_clips


def predict_each(
    transcriber: Transcriber, clips: Iterable[tuple[str, Waveform]], lists: Sequence[Sequence[str]]
) -> list[ParityResult]:
    """Each of ``clips``, its text and its waveform, alone, and a list ranked for it.

    That is the first of ``lists``, at least one, which has the text; the first of all where none has it.
    """
    lexicons, list_of = lexicons_of(transcriber, lists)
    found = []
    for text, waveform in clips:
        lexicon = lexicons[list_of.get(transcriber.alphabet.fold(text), 0)]
        frames = transcriber.log_probs(waveform)
        symbols, ranked, out_of_list = transcriber.decode(frames, lexicon)
        found.append(ParityResult(frames, transcriber.alphabet.decode(symbols), ranked, out_of_list))
    return found


def same_ranking(ours: ParityResult, theirs: ParityResult) -> bool:
    """Whether their order of names is one of falling probability for us as well."""
    probability = dict(ours.names)
    in_their_order = [probability[name] for name, _ in theirs.names]
    return all(later <= max(earlier, LEAST) * (1 + TIE) for earlier, later in itertools.pairwise(in_their_order))


def agreement(ours: Sequence[ParityResult], theirs: Sequence[ParityResult]) -> Agreement:
    pairs = list(zip(ours, theirs, strict=True))
    frames = [(x, y) for a, b in pairs for x, y in zip(a.frames, b.frames, strict=True)]
    return Agreement(
        len(pairs),
        sum(a.letters == b.letters for a, b in pairs),
        sum(a.names[0][0] == b.names[0][0] for a, b in pairs),
        sum(same_ranking(a, b) for a, b in pairs),
        # float32 rounds in proportion: what is impossible, at -20 nats, differs by more than what is likely.
        max(float((abs(x - y) / abs(x).clip(min=1)).max()) for x, y in frames if x is not None and y is not None),
        max(_difference(a.out_of_list, b.out_of_list) for a, b in pairs),
        sum(dict(a.names)[b.names[0][0]] >= NEAR * a.names[0][1] for a, b in pairs),
    )


def _difference(ours: float | None, theirs: float | None) -> float:
    """Of two probabilities: 0 where neither was calibrated, and 1 where one was."""
    if ours is None or theirs is None:
        return 0.0 if ours is theirs else 1.0
    return abs(ours - theirs)
