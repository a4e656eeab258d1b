"""CTC decoding of one clip's log-probabilities, ``(n_frames, n_symbols)``, to symbols: greedily or by beam search."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

from speech.common.ranges import checked_count
from speech.inference.score import Floats
from speech.text.alphabet import BLANK

Symbols = list[int]


class Decoder(Protocol):
    def __call__(self, log_probs: Floats) -> Symbols: ...


def collapse(path: Sequence[int]) -> Symbols:
    """The spelling of a path with one symbol per frame: repeats are merged, then blanks removed."""
    return [symbol for i, symbol in enumerate(path) if symbol != BLANK and (i == 0 or path[i - 1] != symbol)]


def _log_add(a: float, b: float) -> float:
    """log(exp a + exp b); numpy's is ten times slower on single numbers."""
    if b > a:
        a, b = b, a
    return a if b == -math.inf else a + math.log1p(math.exp(b - a))


class Greedy:
    """The likeliest symbol of each frame, collapsed."""

    def __call__(self, log_probs: Floats) -> Symbols:
        return collapse(log_probs.argmax(axis=1).tolist())


class Beam:
    """Prefix beam search (Graves 2012, chapter 7.5.3; Hannun 2014): the likeliest spelling, summed over its paths.

    In each frame ``width`` prefixes are kept. Each has two log-probabilities: of its paths that end in a blank, and of
    those that end in its last letter; only after a blank does the same letter count again.
    """

    def __init__(self, width: int = 16) -> None:
        self.width = checked_count("decoder.width", width, 1, 4096)

    def __call__(self, log_probs: Floats) -> Symbols:
        beam: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -math.inf)}
        for frame in log_probs.tolist():
            grown: defaultdict[tuple[int, ...], list[float]] = defaultdict(lambda: [-math.inf, -math.inf])
            for prefix, (blank, letter) in beam.items():
                either = _log_add(blank, letter)
                same = grown[prefix]
                same[0] = _log_add(same[0], either + frame[BLANK])
                for symbol, log_prob in enumerate(frame):
                    if symbol == BLANK:
                        continue
                    longer = grown[(*prefix, symbol)]
                    if prefix and symbol == prefix[-1]:
                        same[1] = _log_add(same[1], letter + log_prob)
                        longer[1] = _log_add(longer[1], blank + log_prob)
                    else:
                        longer[1] = _log_add(longer[1], either + log_prob)
            best = sorted(grown.items(), key=lambda item: _log_add(*item[1]), reverse=True)[: self.width]
            beam = {prefix: (blank, letter) for prefix, (blank, letter) in best}
        best_prefix, _ = max(beam.items(), key=lambda item: _log_add(*item[1]))
        return list(best_prefix)
