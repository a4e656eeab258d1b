"""From a clip to what was heard in it: all of transcribing but the network, in numpy.

``Recognizer`` (torch) and ``Runtime`` (onnxruntime) give the log-probabilities of a waveform's letters; reading the
clip, finding the name in it, decoding, ranking and timing are written here, once for both.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from speech import audio, endpoint
from speech.alphabet import Alphabet, distinct
from speech.audio import Waveform
from speech.ctc.align import align
from speech.ctc.decode import Decoder, Symbols
from speech.ctc.score import Floats, score
from speech.prior import Prior
from speech.rejection import Rejection

Clip = str | Path | tuple[ArrayLike, int]


class Span(NamedTuple):
    """When a letter was said, in seconds from the beginning of the recording."""

    letter: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Transcript:
    """What was heard: the letters, the names of the list with their probabilities (best first), each letter's time.

    The names' probabilities are given that one of them was said. ``none`` is the probability that none was, where
    listed and other sounds are equally common; ``accepted`` whether it lies below the threshold. Both are None where
    there is no list, and for a recogniser that was not calibrated.
    """

    letters: str
    names: list[tuple[str, float]]
    spans: list[Span]
    none: float | None = None
    accepted: bool | None = None


class RecognizerError(ValueError):
    """A file that is not a recogniser, or not one that this version can read."""


class Transcriber(ABC):
    """Whatever hears letters in a waveform. ``names`` are those that it was trained for; ``decoder`` reads frames.

    ``rejection`` tells what is none of a list's names, ``prior`` what to take off before names are ranked; None where
    that was not calibrated.
    """

    alphabet: Alphabet
    names: list[str]
    decoder: Decoder
    rejection: Rejection | None = None
    prior: Prior | None = None

    @property
    @abstractmethod
    def sample_rate(self) -> int:
        """Hz."""

    @property
    @abstractmethod
    def frame_s(self) -> float:
        """Seconds from one frame of log-probabilities to the next."""

    @abstractmethod
    def log_probs(self, waveform: Waveform) -> Floats:
        """Log-probabilities ``(n_frames, n_symbols)`` of one end-pointed waveform ``(n_samples,)``."""

    def lexicon(self, names: Sequence[str]) -> dict[str, Symbols]:
        """The symbols of each of ``names``, made once for many clips. Duplicates are refused; no names give none."""
        return {name: self.alphabet.encode(name) for name in distinct(names, self.alphabet)} if names else {}

    def scores(self, log_probs: Floats, texts: Sequence[Symbols]) -> Floats:
        """What each of ``texts`` is ranked by, ``(n_texts,)`` nats: its exact CTC score, the prior taken off."""
        return score(self.prior(log_probs) if self.prior else log_probs, texts)

    def rank(self, log_probs: Floats, lexicon: Mapping[str, Symbols]) -> list[tuple[str, float]]:
        """The probability of each name of ``lexicon``, given that one of them was said; best first."""
        return self.weigh(log_probs, lexicon)[0]

    def none_of_these(self, log_probs: Floats, lexicon: Mapping[str, Symbols]) -> float | None:
        """The probability that none of ``lexicon`` was said; None without names, or where it was not calibrated."""
        return self.weigh(log_probs, lexicon)[1]

    def weigh(self, log_probs: Floats, lexicon: Mapping[str, Symbols]) -> tuple[list[tuple[str, float]], float | None]:
        """``rank`` and ``none_of_these``, for which the names are scored once."""
        if not lexicon:
            return [], None
        names = list(lexicon)
        scores = self.scores(log_probs, list(lexicon.values()))
        none = None
        if self.rejection:
            first = lexicon[names[int(scores.argmax())]]
            none = self.rejection.none(log_probs, float(score(log_probs, [first])[0]), len(names))
        if np.isneginf(scores).all():  # a sound too short for any of them
            scores = np.zeros(len(names))
        probabilities = np.exp(scores - scores.max())
        probabilities /= probabilities.sum()
        order = np.argsort(-probabilities, kind="stable")
        return [(names[i], float(probabilities[i])) for i in order], none

    def transcribe(self, clip: Clip, names: Sequence[str] | None = None) -> Transcript:
        """What is heard in ``clip``: a path, or a waveform with its rate in Hz, ``(samples, rate)``.

        ``names`` to choose from; without them the names that the recogniser was trained for.
        Raises AudioError for a clip that cannot be used, NoSpeechError for silence, TextError for an unwritable name.
        """
        if isinstance(clip, tuple):
            waveform = audio.to_waveform(*clip, sample_rate=self.sample_rate)
        else:
            waveform = audio.read(clip, self.sample_rate)
        waveform, start_s = endpoint.cut(waveform, self.sample_rate)
        log_probs = self.log_probs(waveform)
        lexicon = self.lexicon(self.names if names is None else names)
        symbols = self.decoder(log_probs, list(lexicon.values()))
        letters = self.alphabet.decode(symbols)
        times = align(log_probs, symbols) if symbols else []
        spans = [
            Span(letter, *(max(0.0, start_s + frame * self.frame_s) for frame in (first, last)))
            for letter, (first, last) in zip(letters, times, strict=True)
        ]
        ranked, none = self.weigh(log_probs, lexicon)
        accepted = self.rejection.accepts(none) if self.rejection and none is not None else None
        return Transcript(letters, ranked, spans, none, accepted)
