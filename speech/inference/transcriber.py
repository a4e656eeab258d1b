"""From a clip to what was heard in it: all of transcribing but the network, in numpy.

``Recognizer`` (torch) and ``Runtime`` (onnxruntime) give the log-probabilities of a waveform's letters and phones;
reading the clip, finding the name in it, decoding, ranking and timing are written here, once for both.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from speech.audio import endpointing, files
from speech.audio.files import Waveform
from speech.inference.align import align
from speech.inference.decode import Decoder, Greedy, Symbols
from speech.inference.label_prior import LabelPrior
from speech.inference.rejection import Rejection, evidence, filler_path, mean_frame_entropy
from speech.inference.score import Floats
from speech.inference.scoring import Entry, Frames, fuse, have_pronunciations, letter_scores, phone_scores
from speech.text import pronunciation
from speech.text.alphabet import Alphabet
from speech.text.names import distinct
from speech.text.phones import Inventory, Phones

Clip = str | Path | tuple[ArrayLike, int]


class Reading(NamedTuple):
    """What ``Transcriber.read`` finds in a clip's frames."""

    symbols: Symbols  # the letters
    names: list[tuple[str, float]]  # with their probabilities, best first
    none: float | None  # probability that it was none of them


class Span(NamedTuple):
    """When a letter was said, in seconds from the beginning of the recording."""

    letter: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Transcript:
    """What was heard: the letters, the names of the list with their probabilities (best first), each letter's time.

    ``phones`` are IPA, from a recogniser that hears such, by the likeliest path.
    The names' probabilities are given that one of them was said. ``none`` is the probability that none was, where
    listed and other sounds are equally common; ``accepted`` whether it lies below the threshold. Both are None where
    there is no list, and for a recogniser that was not calibrated.
    """

    letters: str
    names: list[tuple[str, float]]
    spans: list[Span]
    none: float | None = None
    accepted: bool | None = None
    phones: str | None = None


class RecognizerError(ValueError):
    """A file that is not a recogniser, or not one that this version can read."""


class Transcriber(ABC):
    """Whatever hears letters in a waveform, and phones where there is an ``inventory`` of them.

    ``names`` are those that it was trained for, ``ways`` how these are said; ``decoder`` reads the letters' frames.
    A name is ranked by its letters and, by the part ``phones_weight``, by its phones. ``rejection`` tells what is none
    of a list's names, ``prior`` what to take off the letters before names are ranked; None where that was not
    calibrated.
    """

    alphabet: Alphabet
    inventory: Inventory | None = None
    names: list[str]
    pronunciations: dict[str, tuple[Phones, ...]]
    decoder: Decoder
    phones_weight: float = 0.5
    rejection: Rejection | None = None
    label_prior: LabelPrior | None = None

    @property
    def n_symbols(self) -> list[int]:
        """Of each output, letters first, blanks included."""
        return [len(some) for some in (self.alphabet, self.inventory) if some is not None]

    @property
    @abstractmethod
    def sample_rate(self) -> int:
        """Hz."""

    @property
    @abstractmethod
    def frame_s(self) -> float:
        """Seconds from one frame of log-probabilities to the next."""

    @abstractmethod
    def log_probs(self, waveform: Waveform) -> Frames:
        """The log-probabilities of one end-pointed waveform ``(n_samples,)``."""

    def lexicon(self, names: Sequence[str]) -> dict[str, Entry]:
        """Each of ``names`` as it is spelt and said, made once for many clips. Duplicates are refused; no names give
        none. A ``Name`` is said in its own ways, one that was trained for as it was then, others as espeak says them.
        """
        listed = distinct(names, self.alphabet) if names else []
        ways = self._ways(listed) if self.inventory else {}
        return {str(name): Entry(self.alphabet.encode(name), ways.get(name, ())) for name in listed}

    def _ways(self, names: Sequence[str]) -> dict[str, tuple[Symbols, ...]]:
        assert self.inventory is not None
        known = {
            self.alphabet.fold(name): ways for name, ways in self.pronunciations.items()
        }  # Chloé is chloe, and said alike
        found = {name: known.get(self.alphabet.fold(name), ()) for name in names if not getattr(name, "say", ())}
        others = [name for name in names if not found.get(name)]
        try:
            found |= dict(zip(others, pronunciation.pronunciations(others), strict=True))
        except ModuleNotFoundError:  # espeakng-loader: an exported recogniser does without, and goes by letters alone
            return {}
        return {name: tuple(map(self.inventory.encode, ways)) for name, ways in found.items()}

    def scores(self, frames: Frames, entries: Sequence[Entry], plain: bool = False) -> Floats:
        """What each of ``entries`` is ranked by, ``(n_entries,)`` nats: letters less the prior, mixed with phones.

        By letters alone where some name's phones are not known. ``plain`` leaves the prior in.
        """
        prior = None if plain else self.label_prior
        letters = letter_scores(prior(frames.letters) if prior else frames.letters, entries)
        phones = phone_scores(frames, entries)
        return letters if phones is None else fuse(self.phones_weight, letters, phones)

    def fused_statistic(self, frames: Frames, entries: Sequence[Entry], measure: Callable[[Floats], float]) -> float:
        """``measure`` of either output, mixed as the ``scores`` of ``entries`` are."""
        letters = measure(frames.letters)
        if frames.phones is None or not have_pronunciations(entries):
            return letters
        return fuse(self.phones_weight, letters, measure(frames.phones))

    def evidence(self, frames: Frames, firsts: Sequence[Entry], n_names: Sequence[int]) -> Floats:
        """``rejection.EVIDENCE`` of one clip in several lists, a row each, from the likeliest name of each list and how
        many names it has."""
        uncertain = self.fused_statistic(frames, firsts, mean_frame_entropy)
        reading = Entry(filler_path(frames.letters), () if frames.phones is None else (filler_path(frames.phones),))
        *best, free = self.scores(frames, [*firsts, reading], plain=True).tolist()
        return np.array([evidence(score, free, uncertain, n) for score, n in zip(best, n_names, strict=True)])

    def rank(self, frames: Frames, lexicon: Mapping[str, Entry]) -> list[tuple[str, float]]:
        """The probability of each name of ``lexicon``, given that one of them was said; best first."""
        return self.rank_with_rejection(frames, lexicon)[0]

    def out_of_list_probability(self, frames: Frames, lexicon: Mapping[str, Entry]) -> float | None:
        """The probability that none of ``lexicon`` was said; None without names, or where it was not calibrated."""
        return self.rank_with_rejection(frames, lexicon)[1]

    def rank_with_rejection(
        self, frames: Frames, lexicon: Mapping[str, Entry]
    ) -> tuple[list[tuple[str, float]], float | None]:
        """``rank`` and ``out_of_list_probability``, for which the names are scored once."""
        if not lexicon:
            return [], None
        names = list(lexicon)
        scores = self.scores(frames, list(lexicon.values()))
        none = None
        if self.rejection:
            first = lexicon[names[int(scores.argmax())]]
            none = self.rejection.none(self.evidence(frames, [first], [len(names)])[0])
        if np.isneginf(scores).all():  # a sound too short for any of them
            scores = np.zeros(len(names))
        probabilities = np.exp(scores - scores.max())
        probabilities /= probabilities.sum()
        order = np.argsort(-probabilities, kind="stable")
        return [(names[i], float(probabilities[i])) for i in order], none

    def read(self, frames: Frames, lexicon: Mapping[str, Entry]) -> Reading:
        """The letters, by the recogniser's own decoder, and the names."""
        return Reading(self.decoder(frames.letters), *self.rank_with_rejection(frames, lexicon))

    def transcribe(self, clip: Clip, names: Sequence[str] | None = None) -> Transcript:
        """What is heard in ``clip``: a path, or a waveform with its rate in Hz, ``(samples, rate)``.

        ``names`` to choose from; without them the names that the recogniser was trained for.
        Raises AudioError for a clip that cannot be used, NoSpeechError for silence, TextError for an unwritable name.
        """
        if isinstance(clip, tuple):
            waveform = files.to_waveform(*clip, sample_rate=self.sample_rate)
        else:
            waveform = files.read(clip, self.sample_rate)
        waveform, start_s = endpointing.trim_silence(waveform, self.sample_rate)
        frames = self.log_probs(waveform)
        symbols, ranked, none = self.read(frames, self.lexicon(self.names if names is None else names))
        letters = self.alphabet.decode(symbols)
        times = align(frames.letters, symbols) if symbols else []
        spans = [
            Span(letter, *(max(0.0, start_s + frame * self.frame_s) for frame in (first, last)))
            for letter, (first, last) in zip(letters, times, strict=True)
        ]
        accepted = self.rejection.accepts(none) if self.rejection and none is not None else None
        phones = None
        if self.inventory and frames.phones is not None:
            phones = "".join(self.inventory.decode(Greedy()(frames.phones)))
        return Transcript(letters, ranked, spans, none, accepted, phones)
