"""How well names were heard: exact match, character error rate, right within the list, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein


class Heard(NamedTuple):
    """One clip judged: what was said (``text``, in the alphabet) and what was heard."""

    id: str
    speaker: str
    text: str
    letters: str
    names: list[tuple[str, float]]  # folded, best first; empty where there was no list
    none: float | None = None  # probability that it was none of these, where that was calibrated


def n_edits(text: str, letters: str) -> int:
    """Fewest insertions, deletions and substitutions from one to the other (Levenshtein 1966)."""
    return Levenshtein.distance(text, letters)


def cer(pairs: Sequence[tuple[str, str]]) -> float:
    """Character error rate of ``(text, letters)`` pairs: all edits over all letters that were said."""
    return sum(n_edits(text, letters) for text, letters in pairs) / max(1, sum(len(text) for text, _ in pairs))


def wilson(n_right: int, n: int) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson 1927); it stays within 0 and 1 where few or all are right."""
    if n == 0:
        return 0.0, 1.0
    z, p = 1.96, n_right / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def figures(heard: Sequence[Heard]) -> dict[str, object]:
    """``n_clips``, ``letter_perfect`` and ``cer``; ``right_within_list`` where names were ranked; their intervals."""
    n = len(heard)
    perfect = sum(one.text == one.letters for one in heard)
    found: dict[str, object] = {
        "n_clips": n,
        "letter_perfect": perfect / max(1, n),
        "letter_perfect_interval": wilson(perfect, n),
        "cer": cer([(one.text, one.letters) for one in heard]),
    }
    if any(one.names for one in heard):
        right = sum(bool(one.names) and one.names[0][0] == one.text for one in heard)
        found |= {"right_within_list": right / max(1, n), "right_within_list_interval": wilson(right, n)}
    return found
