"""Two recognisers on the same clips: how many each has right, and the difference, paired."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from speech.metrics import Heard, wilson


def paired(before: Sequence[bool], after: Sequence[bool]) -> dict[str, Any]:
    """What ``after`` gets right more often than ``before``, clip by clip, with a 95 % interval.

    The interval is Newcombe's (1998, "Improved confidence intervals for the difference between binomial proportions
    based on paired data"): the distances of either proportion to its Wilson limits, squared and added with the
    correlation of the two. It is of use where all clips are right, too.
    """
    n = len(before)
    both = sum(b and a for b, a in zip(before, after, strict=True))
    n_before, n_after = sum(before), sum(after)
    gained, lost = n_after - both, n_before - both
    found: dict[str, Any] = {
        "n_clips": n,
        "before": n_before / max(1, n),
        "after": n_after / max(1, n),
        "before_interval": wilson(n_before, n),
        "after_interval": wilson(n_after, n),
        "gained": gained,
        "lost": lost,
        "difference": (n_after - n_before) / max(1, n),
    }
    product = n_after * (n - n_after) * n_before * (n - n_before)
    phi = (both * (n - both - gained - lost) - gained * lost) / math.sqrt(product) if product else 0.0
    p, q = found["after"], found["before"]
    (p_low, p_high), (q_low, q_high) = found["after_interval"], found["before_interval"]

    def distance(one: float, other: float) -> float:
        return math.sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))

    low = found["difference"] - distance(p - p_low, q_high - q)
    high = found["difference"] + distance(p_high - p, q - q_low)
    return found | {"difference_interval": (low, high)}


def change(before: Sequence[Heard], after: Sequence[Heard]) -> dict[str, Any]:
    """``right_within_list`` and ``letter_perfect`` of the same clips, heard before and after.

    Raises ValueError where they are not the same clips in the same order.
    """
    if [one.id for one in before] != [one.id for one in after]:
        raise ValueError("a comparison is of the same clips in the same order")

    def right(one: Heard) -> bool:
        return bool(one.names) and one.names[0][0] == one.text

    def perfect(one: Heard) -> bool:
        return one.letters == one.text

    return {
        figure: paired([is_so(one) for one in before], [is_so(one) for one in after])
        for figure, is_so in (("right_within_list", right), ("letter_perfect", perfect))
    }


def table(changes: Mapping[str, Mapping[str, Any]]) -> str:
    """The changes of each split, a line a figure."""
    lines = [f"{'split':<16} {'':<18} {'clips':>6} {'before':>8} {'after':>8}  change, in points, and 95 % interval"]
    for split, figures in changes.items():
        for figure, found in figures.items():
            low, high = (100 * limit for limit in found["difference_interval"])
            points = f"{100 * found['difference']:+.2f} ({low:+.1f} to {high:+.1f})"
            counts = f"{found['gained']} gained, {found['lost']} lost"
            lines.append(
                f"{split:<16} {figure.replace('_', ' '):<18} {found['n_clips']:>6} {found['before']:>8.2%} "
                f"{found['after']:>8.2%}  {points}; {counts}"
            )
    return "\n".join(lines)
