"""The score of each name of a list for one clip: by letters, by phones, and by both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from speech.inference.decode import Symbols
from speech.inference.score import Floats, score

AnyNats = TypeVar("AnyNats", float, Floats)


class LogProbs(NamedTuple):
    """The network's output for one clip, in float64 nats: log p of each letter ``(n_frames, n_letters)`` and, if
    phones are trained as well, of each phone ``(n_frames, n_phones)``. Symbol 0 of either is the blank."""

    letters: Floats
    phones: Floats | None = None

    @property
    def outputs(self) -> list[Floats]:
        """The outputs that the network has, letters first."""
        return [some for some in self if some is not None]


class Variants(NamedTuple):
    """The symbol strings of a name in one output, and the log of each one's probability."""

    symbols: tuple[Symbols, ...] = ()
    log_p: tuple[float, ...] = ()


class Entry(NamedTuple):
    """A name of a list: its spellings, and its pronunciations (none for a recogniser without phones)."""

    letters: Variants
    phones: Variants = Variants()


def certain(symbols: Symbols) -> Variants:
    """``symbols`` as the only variant."""
    return Variants((symbols,), (0.0,))


def length(variants: Variants) -> int:
    """The number of symbols of the likeliest of ``variants``."""
    return len(variants.symbols[int(np.argmax(variants.log_p))])


def have_pronunciations(entries: Sequence[Entry]) -> bool:
    return all(entry.phones.symbols for entry in entries)


def letter_scores(log_probs: LogProbs, entries: Sequence[Entry]) -> Floats:
    """log p of the spellings of each of ``entries``, ``(n_entries,)`` nats: exact CTC scores."""
    return _summed(log_probs.letters, [entry.letters for entry in entries])


def phone_scores(log_probs: LogProbs, entries: Sequence[Entry]) -> Floats | None:
    """log p of the pronunciations of each of ``entries``, ``(n_entries,)`` nats; None if any entry has none."""
    if log_probs.phones is None or not have_pronunciations(entries):
        return None
    return _summed(log_probs.phones, [entry.phones for entry in entries])


def _summed(log_probs: Floats, many: Sequence[Variants]) -> Floats:
    """log sum_i p(variant i | name) p(variant i | clip) of each name, ``(n_names,)`` nats.

    A wrong variant beside the right one costs no more than the log of the right one's probability.
    """
    scores = score(log_probs, [symbols for variants in many for symbols in variants.symbols])
    scores += np.array([log_p for variants in many for log_p in variants.log_p])
    return np.logaddexp.reduceat(scores, np.cumsum([0, *(len(variants.symbols) for variants in many[:-1])]))


def fuse(weight: float, letters: AnyNats, phones: AnyNats) -> AnyNats:
    """(1 - w) letters + w phones: a product of experts (Hinton 2002). At weight 0 or 1 the other may be infinite."""
    if weight in (0, 1):
        return phones if weight else letters
    return (1 - weight) * letters + weight * phones
