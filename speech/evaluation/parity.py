"""The agreement of an exported file with its original recogniser, clip by clip."""

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

WITHIN = 1e-4  # the tolerance for float32's log-probabilities: nats, or relative to their size
OUT_OF_LIST_WITHIN = 0.01  # the tolerance for float32's probability: decisions may differ only this near the threshold
LEAST_SAME = 0.995  # the proportion of clips with the same int8 transcript, or first name
TIE = 1e-3  # two names whose probabilities differ relatively by less may change places
NEAR = 0.5  # another name is plausible with at least this proportion of the first name's probability
LEAST = 1e-300  # below this probability, float64 rounds more coarsely than TIE


class ParityResult(NamedTuple):
    """The prediction of one recogniser for one clip."""

    frames: LogProbs
    letters: str
    names: list[tuple[str, float]]  # best first
    out_of_list: float | None = None  # probability, from a calibrated recogniser


@dataclass(frozen=True)
class Agreement:
    """How many clips have the same prediction, and the largest differences."""

    n_clips: int
    n_same_transcripts: int
    n_same_first_names: int
    n_same_rankings: int
    largest_difference: float  # of two log-probabilities: nats, or relative if their size is over one nat
    largest_out_of_list: float = 0.0  # the largest difference of two out-of-list probabilities
    n_near_first_names: int = 0  # first names that are the same, or NEAR in the original recogniser

    @property
    def exact(self) -> bool:
        """The requirement for float32."""
        same = self.n_same_transcripts == self.n_same_rankings == self.n_clips
        return same and self.largest_difference <= WITHIN and self.largest_out_of_list <= OUT_OF_LIST_WITHIN

    @property
    def close(self) -> bool:
        """The requirement for int8."""
        return self.n_same_transcripts >= LEAST_SAME * self.n_clips

    @property
    def close_in_names(self) -> bool:
        """The requirement for int8 without a fixed list: single letters are uncertain, but names are what is used."""
        return self.n_same_first_names >= LEAST_SAME * self.n_clips

    @property
    def close_in_candidates(self) -> bool:
        """The requirement for int8 in a streaming recogniser without a fixed list, whose candidates are confirmed.

        It has less future context and is more often undecided between two names, so that rounding decides.
        """
        return self.n_near_first_names >= LEAST_SAME * self.n_clips


def predict_each(
    transcriber: Transcriber, clips: Iterable[tuple[str, Waveform]], lists: Sequence[Sequence[str]]
) -> list[ParityResult]:
    """The prediction for each of ``clips`` (text and waveform), one by one, with a list ranked for it.

    That list is the first of ``lists``, at least one, that contains the text, or the very first if none does.
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
    """Whether the names in their order have falling probabilities in our result as well."""
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
        # float32 rounds relatively: a very unlikely symbol, at -20 nats, differs by more than a likely one.
        max(float((abs(x - y) / abs(x).clip(min=1)).max()) for x, y in frames if x is not None and y is not None),
        max(_difference(a.out_of_list, b.out_of_list) for a, b in pairs),
        sum(dict(a.names)[b.names[0][0]] >= NEAR * a.names[0][1] for a, b in pairs),
    )


def _difference(ours: float | None, theirs: float | None) -> float:
    """The difference of two probabilities: 0 if neither recogniser was calibrated, 1 if only one was."""
    if ours is None or theirs is None:
        return 0.0 if ours is theirs else 1.0
    return abs(ours - theirs)
