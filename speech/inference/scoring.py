"""How well a clip's frames fit each name of a list: by its letters, by its phones, and by both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from speech.inference.decode import Symbols
from speech.inference.score import Floats, score

AnyNats = TypeVar("AnyNats", float, Floats)


class Frames(NamedTuple):
    """Log-probabilities of one clip, float64: of each letter ``(n_frames, n_letters)`` and, of a recogniser that hears
    them, of each phone ``(n_frames, n_phones)``; symbol 0 of either is the blank."""

    letters: Floats
    phones: Floats | None = None


class Entry(NamedTuple):
    """A name of a list: how it is spelt, and each of the ways to say it (none for a recogniser without phones)."""

    letters: Symbols
    phones: tuple[Symbols, ...] = ()


def have_pronunciations(entries: Sequence[Entry]) -> bool:
    """Whether it is known of all of ``entries`` how they are said."""
    return all(entry.phones for entry in entries)


def letter_scores(letters: Floats, entries: Sequence[Entry]) -> Floats:
    """log p of each of ``entries`` as it is spelt, ``(n_entries,)`` nats: the exact CTC score."""
    return score(letters, [entry.letters for entry in entries])


def phone_scores(frames: Frames, entries: Sequence[Entry]) -> Floats | None:
    """log p of each of ``entries`` in its likeliest way, ``(n_entries,)`` nats; None where those are unknown."""
    if frames.phones is None or not have_pronunciations(entries):
        return None
    scores = score(frames.phones, [way for entry in entries for way in entry.phones])
    return np.maximum.reduceat(scores, np.cumsum([0, *(len(entry.phones) for entry in entries[:-1])]))


def fuse(weight: float, letters: AnyNats, phones: AnyNats) -> AnyNats:
    """(1 - w) letters + w phones: two witnesses of one clip, weighted (a product of experts; Hinton 2002).

    What has no weight does not count, be it minus infinity.
    """
    if weight in (0, 1):
        return phones if weight else letters
    return (1 - weight) * letters + weight * phones
