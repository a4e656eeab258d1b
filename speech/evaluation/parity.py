"""How far an exported file hears what the recogniser hears that it was made from."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from speech.audio.files import Waveform
    from speech.inference.scoring import Frames
    from speech.inference.transcriber import Transcriber

WITHIN = 1e-4  # nats: float32's log-probabilities of torch's


LEAST_SAME = 0.995  # of the clips: int8's transcripts


NONE_WITHIN = 0.01  # float32's p(none of these) of torch's; the decision may differ this near to the threshold alone


TIE = 1e-3  # two names whose probabilities are this much alike may change places


LEAST = 1e-300  # a probability below which float64 rounds more coarsely than that


class ExportError(ValueError):
    """An exported file hears something else than the recogniser that it was made from."""


class ParityResult(NamedTuple):
    """What one clip sounds like to one recogniser."""

    frames: Frames
    letters: str
    names: list[tuple[str, float]]  # best first
    none: float | None = None  # p(none of these), of a recogniser that was calibrated


class Agreement(NamedTuple):
    """How far an exported file hears what the recogniser hears."""

    n_clips: int
    n_same_transcripts: int
    n_same_first_names: int
    n_same_rankings: int
    largest_difference: float  # of two log-probabilities, nats
    largest_none: float = 0.0  # difference of two p(none of these)

    def __str__(self) -> str:
        counts = (self.n_same_transcripts, self.n_same_first_names, self.n_same_rankings)
        transcript, first, ranking = (f"{count / self.n_clips:.2%}" for count in counts)
        same = f"of {self.n_clips} clips {transcript} have the same transcript, {first} the same first name, "
        differ = (
            f"log-probabilities differ by {self.largest_difference:.1g} at most, p(none) by {self.largest_none:.1g}"
        )
        return f"{same}{ranking} the same ranking; {differ}"


def predict_each(transcriber: Transcriber, waveforms: Iterable[Waveform], names: Sequence[str]) -> list[ParityResult]:
    """Each of ``waveforms``, alone, and ``names`` ranked for it."""
    lexicon = transcriber.lexicon(names)
    heard = []
    for waveform in waveforms:
        frames = transcriber.log_probs(waveform)
        symbols, ranked, none = transcriber.read(frames, lexicon)
        heard.append(ParityResult(frames, transcriber.alphabet.decode(symbols), ranked, none))
    return heard


def same_ranking(ours: ParityResult, theirs: ParityResult) -> bool:
    """Whether their order of names is one of falling probability for us as well."""
    probability = dict(ours.names)
    in_their_order = [probability[name] for name, _ in theirs.names]
    return all(later <= max(earlier, LEAST) * (1 + TIE) for earlier, later in itertools.pairwise(in_their_order))


def agreement(ours: Sequence[ParityResult], theirs: Sequence[ParityResult]) -> Agreement:
    pairs = list(zip(ours, theirs, strict=True))
    return Agreement(
        len(pairs),
        sum(a.letters == b.letters for a, b in pairs),
        sum(a.names[0][0] == b.names[0][0] for a, b in pairs),
        sum(same_ranking(a, b) for a, b in pairs),
        max(
            float(abs(x - y).max())
            for a, b in pairs
            for x, y in zip(a.frames, b.frames, strict=True)
            if x is not None and y is not None
        ),
        max(_differ(a.none, b.none) for a, b in pairs),
    )


def _differ(ours: float | None, theirs: float | None) -> float:
    """Of two p(none): 0 where neither was calibrated, and all there is where one was."""
    if ours is None or theirs is None:
        return 0.0 if ours is theirs else 1.0
    return abs(ours - theirs)
