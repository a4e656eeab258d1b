"""From a clip to its transcript: all of recognition except the network, in numpy.

``Recognizer`` (torch) and ``Runtime`` (onnxruntime) compute the log-probabilities of a waveform's letters and phones.
They share the code here: reading a clip, end-pointing, decoding, ranking and timing.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from speech.audio import endpointing, files
from speech.audio.files import Waveform
from speech.audio.quality import band_faults, level_faults
from speech.inference.align import align
from speech.inference.confirmation import Confirmation
from speech.inference.decode import Decoder, Greedy, Symbols
from speech.inference.enrolment import Enrolled
from speech.inference.label_prior import LabelPrior
from speech.inference.pronounce import pronounce
from speech.inference.rejection import Rejection, evidence, filler_path, mean_frame_entropy
from speech.inference.score import Floats
from speech.inference.scoring import (
    Entry,
    LogProbs,
    Variants,
    certain,
    fuse,
    have_pronunciations,
    length,
    letter_scores,
    phone_scores,
)
from speech.inference.streaming import Stream
from speech.text.alphabet import Alphabet
from speech.text.names import LONGEST, distinct, key, read_names, spelling
from speech.text.phones import Inventory
from speech.text.pronunciation import Pronunciation

Clip = str | Path | tuple[ArrayLike, int]
FITTED = {"label_prior": LabelPrior, "rejection": Rejection, "confirmation": Confirmation}  # to a trained network


class Decoded(NamedTuple):
    """The result of ``Transcriber.decode``."""

    symbols: Symbols  # of the letters
    names: list[tuple[str, float]]  # with their probabilities, best first
    out_of_list: float | None  # probability


class Speech(NamedTuple):
    """A recording trimmed to the name, and the recording's faults."""

    waveform: Waveform  # (n_samples,)
    start_s: float  # where that begins in the recording
    faults: list[str]


class Span(NamedTuple):
    """When a letter was said, in seconds from the beginning of the recording."""

    letter: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Transcript:
    """The letters with their spans, the names of the list with their probabilities (best first), the phones in IPA.

    The names' probabilities are conditional on one of them having been said. ``out_of_list`` is the probability that
    none was, if listed and other sounds are equally common. ``accepted`` tells whether it is below the threshold.
    ``unsure``: not accepted, but ``out_of_list`` is as low as for some names of a list, or the letters spell a name;
    it should be said again. All three are None without a list, and for a recogniser that was not calibrated.
    ``phones`` is None if none were trained. ``faults`` of the recording's level and bandwidth make errors likelier.
    """

    letters: str
    names: list[tuple[str, float]]
    spans: list[Span]
    phones: str | None = None
    out_of_list: float | None = None
    accepted: bool | None = None
    unsure: bool | None = None
    faults: Sequence[str] = ()

    def verdict(self, n_names: int) -> str:
        """The likeliest ``n_names`` with their probabilities, after the reason to doubt them, if there is one."""
        names = ", ".join(f"{name} {probability:.3f}" for name, probability in self.names[:n_names])
        if self.unsure:
            return f"unsure, out of list {self.out_of_list:.3f}: say it again; nearest {names}"
        if self.accepted is False:
            return f"out of list {self.out_of_list:.3f}; nearest {names}"
        return names


class Transcriber(ABC):
    """A network that outputs letters and, with an ``inventory``, phones; and all that ranking names needs.

    ``names`` are those that it was trained for, ``pronunciations`` theirs. A name's score combines that of its letters
    and, with weight ``phones_weight``, that of its phones. ``label_prior`` corrects the outputs before names are
    ranked, ``rejection`` gives the out-of-list probability, ``confirmation`` the thresholds of spotting; each is None
    if it was not fitted.
    """

    alphabet: Alphabet
    inventory: Inventory | None = None
    names: list[str]
    pronunciations: dict[str, tuple[Pronunciation, ...]]
    decoder: Decoder
    phones_weight: float = 0.5
    rejection: Rejection | None = None
    label_prior: LabelPrior | None = None
    confirmation: Confirmation | None = None
    enrolled: Mapping[str, Enrolled] = MappingProxyType({})  # by name: the decodings of its recordings

    @property
    def n_symbols(self) -> list[int]:
        """The number of symbols of each output, letters first, blanks included."""
        return [len(some) for some in (self.alphabet, self.inventory) if some is not None]

    @property
    def labels(self) -> set[str]:
        """The ``key`` of each name that is enrolled without its spelling."""
        return {key(name, self.alphabet) for name, one in self.enrolled.items() if not one.spelled}

    @property
    @abstractmethod
    def sample_rate(self) -> int:
        """Hz."""

    @property
    @abstractmethod
    def frame_s(self) -> float:
        """Seconds from one frame of log-probabilities to the next."""

    @property
    def finder(self) -> Transcriber | None:
        """The streaming recogniser that finds candidates for spotting; None if there is none."""
        return None

    def stream(self) -> Stream:
        """A new stream through the network. Raises ValueError if the network needs whole clips."""
        raise ValueError("this recogniser needs whole clips, and cannot process a stream")

    @abstractmethod
    def log_probs(self, waveform: Waveform) -> LogProbs:
        """The log-probabilities of one end-pointed waveform ``(n_samples,)``."""

    def fitted(self) -> dict[str, dict[str, Any]]:
        """Those parts of FITTED that it has, as plain data, by name."""
        return {name: asdict(one) for name in FITTED if (one := getattr(self, name)) is not None}

    def set_fitted(self, content: Mapping[str, Mapping[str, Any]]) -> None:
        """Restore from ``content`` what ``fitted`` returned. Raises TypeError or ValueError for other data."""
        for name, kind in FITTED.items():
            if name in content:
                setattr(self, name, kind(**content[name]))

    def check_plain_data(self) -> None:
        """Raise ValueError, PhoneError or TypeError if the data of a file are invalid or inconsistent."""
        if not isinstance(self.alphabet.letters, str) or not self.alphabet.letters.isprintable():
            raise ValueError(f"alphabet {self.alphabet.letters!r} is not a text of printable letters")
        if not isinstance(self.names, list) or not all(isinstance(name, str) for name in self.names):
            raise TypeError("names are not a list of texts")
        if long := [name for name in self.names if len(name) > LONGEST]:
            raise ValueError(f"a name of {len(long[0])} characters")
        if not 0 <= self.phones_weight <= 1:
            raise ValueError(f"phones_weight={self.phones_weight} must be between 0 and 1")
        if self.label_prior and [len(row) for row in self.label_prior.log_priors] != self.n_symbols:
            raise ValueError("label_prior belongs to other symbols")
        if (inventory := self.inventory) is not None:
            for one in itertools.chain(*self.pronunciations.values()):
                inventory.encode(one.phones)

    def lexicon(self, names: Sequence[str] | None = None) -> dict[str, Entry]:
        """The letters and phones of each of ``names``, made once for many clips; of its own names without ``names``.

        Pronunciations are a ``Name``'s own, else those that were trained, else the grapheme-to-phoneme model's. The
        variants that were ``enrolled`` for a name are added, and enrolled names are always in the list. Raises
        ValueError for duplicates, and for a value that is not a list.
        """
        if isinstance(names, str | bytes):
            raise ValueError(f"names={names!r}: one text; give a list of names: [{names!r}]")
        if names is not None and not isinstance(names, Iterable):
            raise ValueError(f"names={names!r}: {type(names).__name__} is not a list of names: give ['Anna', 'Bob']")
        listed: list[str] = list(self.names)
        if names is not None:
            listed = [*read_names(names if isinstance(names, Mapping) else list(names))]
        enrolled = {key(name, self.alphabet): one for name, one in self.enrolled.items()}
        there = {key(name, self.alphabet) for name in listed}
        listed += [name for name in self.enrolled if key(name, self.alphabet) not in there]
        if not listed:
            return {}
        listed = distinct(listed, self.alphabet)
        recorded = {name: one for name in listed if (one := enrolled.get(key(name, self.alphabet)))}
        entries = {name: one.decoded for name, one in recorded.items() if not one.spelled}
        typed = self._typed([name for name in listed if name not in entries])
        entries |= {name: recorded[name].beside(one) if name in recorded else one for name, one in typed.items()}
        return {name: entries[name] for name in listed}

    def _typed(self, names: Sequence[str]) -> dict[str, Entry]:
        """The entry of each of ``names`` by its letters and its pronunciations."""
        letters = {name: certain(self.alphabet.encode(spelling(name, self.alphabet))) for name in names}
        if self.inventory is None:
            return {name: Entry(one) for name, one in letters.items()}
        encode, entries = self.inventory.encode, {}
        for name, known in self._pronunciations(names).items():
            phones = tuple(encode(one.phones) for one in known)
            log_p = tuple(math.log(one.probability) for one in known)
            entries[name] = Entry(letters[name], Variants(phones, log_p))
        return entries

    def _pronunciations(self, names: Sequence[str]) -> dict[str, tuple[Pronunciation, ...]]:
        # By folded letters: Chloe has the pronunciations of the Chloé that was trained.
        trained = {self.alphabet.fold(name): known for name, known in self.pronunciations.items()}
        found = {name: trained.get(self.alphabet.fold(name), ()) for name in names if not getattr(name, "say", ())}
        others = [name for name in names if not found.get(name)]
        return found | dict(zip(others, pronounce(others), strict=True))

    def scores(self, log_probs: LogProbs, entries: Sequence[Entry], corrected: bool = True) -> Floats:
        """The score by which each of ``entries`` is ranked, ``(n_entries,)`` nats: letters and phones, fused.

        Only letters are used if any name lacks pronunciations. ``corrected`` applies the label prior.
        """
        if self.label_prior and corrected:
            log_probs = self.label_prior(log_probs)
        letters, phones = letter_scores(log_probs, entries), phone_scores(log_probs, entries)
        return letters if phones is None else fuse(self.phones_weight, letters, phones)

    def evidence(self, log_probs: LogProbs, firsts: Sequence[Entry], n_names: Sequence[int]) -> Floats:
        """``rejection.EVIDENCE`` of one clip against several lists, ``(n_lists, len(EVIDENCE))``: ``firsts`` are the
        likeliest name of each, ``n_names`` their lengths. Letters and phones are fused as in ``scores``."""
        entropy, n_symbols = mean_frame_entropy(log_probs.letters), [float(length(one.letters)) for one in firsts]
        if log_probs.phones is not None and have_pronunciations(firsts):
            weight = self.phones_weight
            entropy = fuse(weight, entropy, mean_frame_entropy(log_probs.phones))
            n_symbols = [fuse(weight, n, length(one.phones)) for n, one in zip(n_symbols, firsts, strict=True)]
        path = Entry(*(certain(filler_path(some)) for some in log_probs.outputs))
        *best, filler = self.scores(log_probs, [*firsts, path], corrected=False).tolist()
        found = zip(best, n_symbols, n_names, strict=True)
        return np.array([evidence(name, n, filler, entropy, of) for name, n, of in found])

    def rank(self, log_probs: LogProbs, lexicon: Mapping[str, Entry]) -> list[tuple[str, float]]:
        """Each name of ``lexicon`` with its probability, given that one of them was said; best first."""
        return self.rank_with_rejection(log_probs, lexicon)[0]

    def out_of_list_probability(self, log_probs: LogProbs, lexicon: Mapping[str, Entry]) -> float | None:
        """The probability that none of ``lexicon`` was said; None without names, or if it was not calibrated."""
        return self.rank_with_rejection(log_probs, lexicon)[1]

    def rank_with_rejection(
        self, log_probs: LogProbs, lexicon: Mapping[str, Entry]
    ) -> tuple[list[tuple[str, float]], float | None]:
        """``rank`` and ``out_of_list_probability`` together, so that the names are scored once."""
        if not lexicon:
            return [], None
        names = list(lexicon)
        scores = self.scores(log_probs, list(lexicon.values()))
        out_of_list = None
        if self.rejection:
            first = lexicon[names[int(scores.argmax())]]
            out_of_list = self.rejection.probability(self.evidence(log_probs, [first], [len(names)])[0])
        if np.isneginf(scores).all():  # no name fits into so few frames
            scores = np.zeros(len(names))
        probabilities = np.exp(scores - scores.max())
        probabilities /= probabilities.sum()
        order = np.argsort(-probabilities, kind="stable")
        return [(names[i], float(probabilities[i])) for i in order], out_of_list

    def decode(self, log_probs: LogProbs, lexicon: Mapping[str, Entry]) -> Decoded:
        """The letters, found by ``decoder``, and the ranked names."""
        return Decoded(self.decoder(log_probs.letters), *self.rank_with_rejection(log_probs, lexicon))

    def transcribe(self, clip: Clip, names: Sequence[str] | None = None) -> Transcript:
        """Transcribe ``clip``, a path or samples with their rate in Hz, ``(samples, rate)``.

        ``names`` are the list to choose from; without it, the names that the recogniser was trained for.
        Raises AudioError for a clip that cannot be used, NoSpeechError for silence, TextError for an unwritable name.
        """
        return self.transcribe_recording(clip, self.lexicon(names))

    def transcribe_recording(self, clip: Clip, lexicon: Mapping[str, Entry]) -> Transcript:
        """``transcribe`` with a ``lexicon`` that is made once for many clips."""
        speech = self.speech(clip)
        found = self.transcript(self.log_probs(speech.waveform), speech.start_s, lexicon)
        return replace(found, faults=tuple(speech.faults))

    def frames_of(self, clip: Clip) -> LogProbs:
        """The log-probabilities of ``clip``'s speech. Raises AudioError and NoSpeechError, as ``transcribe`` does."""
        return self.log_probs(self.speech(clip).waveform)

    def speech(self, clip: Clip) -> Speech:
        """``clip`` end-pointed. Raises AudioError and NoSpeechError."""
        recording, faults = self.recording(clip)
        waveform, start_s = endpointing.trim_silence(recording, self.sample_rate)
        margin = round(endpointing.MARGIN_S * self.sample_rate)
        return Speech(waveform, start_s, faults + level_faults(recording, waveform[margin:-margin]))

    def recording(self, clip: Clip) -> tuple[Waveform, list[str]]:
        """``clip`` as a waveform, and the fault of its bandwidth, if it has one. Raises AudioError."""
        is_path = isinstance(clip, str | Path)
        if not is_path and not (isinstance(clip, tuple) and len(clip) == 2):
            raise files.AudioError(f"clip: {type(clip).__name__} is not a clip: give a path, or (samples, rate in Hz)")
        samples, rate = files.decode(clip) if isinstance(clip, str | Path) else clip
        waveform = files.to_waveform(samples, rate, self.sample_rate, where=str(clip) if is_path else "clip")
        return waveform, band_faults(rate, self.sample_rate)

    def transcript(self, log_probs: LogProbs, start_s: float, lexicon: Mapping[str, Entry]) -> Transcript:
        """The transcript of an end-pointed waveform with these ``log_probs``, which begins ``start_s`` into its
        recording."""
        symbols, names, out_of_list = self.decode(log_probs, lexicon)
        letters = self.alphabet.decode(symbols)
        frames = align(log_probs.letters, symbols) if symbols else []
        spans = [
            Span(letter, *(max(0.0, start_s + frame * self.frame_s) for frame in ends))
            for letter, ends in zip(letters, frames, strict=True)
        ]
        accepted, unsure = None, None
        if self.rejection and out_of_list is not None:
            spelt = any(key(name, self.alphabet) == letters for name in lexicon)
            accepted, unsure = self.rejection.decide(out_of_list, spelt)
        phones = None
        if self.inventory and log_probs.phones is not None:
            phones = "".join(self.inventory.decode(Greedy()(log_probs.phones)))
        return Transcript(letters, names, spans, phones, out_of_list, accepted, unsure)
