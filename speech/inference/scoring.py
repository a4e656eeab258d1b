"""The score of each name of a list for one clip: by its letters, by its phones, and by both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from speech.inference.decode import Symbols
from speech.inference.score import Floats, score

AnyNats = TypeVar("AnyNats", float, Floats)


class LogProbs(NamedTuple):
    """What the network says of one clip, in float64 nats: log p of each letter ``(n_frames, n_letters)`` and, where
    phones are trained as well, of each phone ``(n_frames, n_phones)``. Symbol 0 of either is the blank."""

    letters: Floats
    phones: Floats | None = None

    @property
    def outputs(self) -> list[Floats]:
        """Those that there are, letters first."""
        return [some for some in self if some is not None]


class Entry(NamedTuple):
    """A name of a list: its letters, its pronunciations (none for a recogniser without phones), and the log of the
    probability of each."""

    letters: Symbols
    phones: tuple[Symbols, ...] = ()
    log_p: tuple[float, ...] = ()


def have_pronunciations(entries: Sequence[Entry]) -> bool:
    return all(entry.phones for entry in entries)


def letter_scores(letters: Floats, entries: Sequence[Entry]) -> Floats:
    """log p of the spelling of each of ``entries``, ``(n_entries,)`` nats: the exact CTC score."""
    return score(letters, [entry.letters for entry in entries])


def phone_scores(log_probs: LogProbs, entries: Sequence[Entry]) -> Floats | None:
    """log p of each of ``entries``, ``(n_entries,)`` nats, the sum over its pronunciations; None where one has none.

    log sum_i p(pronunciation i | name) p(pronunciation i | clip): a wrong pronunciation beside the right one costs no
    more than the log of the right one's probability.
    """
    if log_probs.phones is None or not have_pronunciations(entries):
        return None
    scores = score(log_probs.phones, [phones for entry in entries for phones in entry.phones])
    scores += np.array([log_p for entry in entries for log_p in entry.log_p])
    return np.logaddexp.reduceat(scores, np.cumsum([0, *(len(entry.phones) for entry in entries[:-1])]))


def fuse(weight: float, letters: AnyNats, phones: AnyNats) -> AnyNats:
    """(1 - w) letters + w phones: a product of experts (Hinton 2002). At weight 0 or 1 the other may be infinite."""
    if weight in (0, 1):
        return phones if weight else letters
    return (1 - weight) * letters + weight * phones
