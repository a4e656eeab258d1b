"""CTC prefix beam search over many clips or words at once, numpy only: the likeliest symbol strings of each.

It is the search of ``decode.Beam`` (Graves 2012, chapter 7.5.3; Hannun 2014), but keeps the n best instead of the best
and works on arrays: a prefix is identified by a hash, and extended by at most ``N_SYMBOLS`` symbols in each frame.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speech.inference.score import Floats
from speech.text.alphabet import BLANK

SURELY_BLANK = 0.999  # a frame whose blank has more than this is only a gap: so are two of three frames in a word
N_SYMBOLS = 5  # the likeliest of a frame: the others add less than the beam's width leaves out
_FACTOR = np.uint64(6364136223846793005)  # Knuth's multiplier, of the rolling hash of a prefix

Strings = list[tuple[tuple[int, ...], float]]


def n_best(log_probs: Floats, n_frames: NDArray[np.int64], width: int) -> list[Strings]:
    """For each item, at most ``width`` strings of symbols with their probabilities, the likeliest first.

    ``log_probs`` is ``(n_items, n_frames, n_symbols)``; item i has ``n_frames[i]`` frames, the others are padding. A
    string's probability is the sum over those of its paths that stay within the beam, to about a thousandth.
    """
    probs, gaps, n_frames = _without_gaps(np.exp(log_probs), n_frames)
    n_items, longest, n_all = probs.shape
    n_symbols = min(N_SYMBOLS, n_all - 1)
    likely = np.argpartition(-probs[:, :, 1:], n_symbols - 1, axis=2)[:, :, :n_symbols] + 1
    blank, last_symbol = np.zeros((2, n_items, width))  # probabilities of the paths that end in each
    blank[:, 0] = 1.0
    last = np.full((n_items, width), BLANK)
    length = np.zeros((n_items, width), np.int64)
    strings = np.zeros((n_items, width, longest), np.int16)
    key = np.arange(width, dtype=np.uint64)[None].repeat(n_items, axis=0)
    item = np.arange(n_items)[:, None]
    with np.errstate(over="ignore"):
        for t in range(longest):
            own = (t < n_frames)[:, None]
            frame, symbols = probs[:, t], likely[:, t]
            # After a gap every path ends in a blank.
            gap = gaps[:, t, None]
            blank, last_symbol = np.where(gap, blank + last_symbol, blank), np.where(gap, 0.0, last_symbol)
            p_blank = np.where(own, frame[:, :1], 1.0)
            total = blank + last_symbol
            stay_blank = total * p_blank
            stay_last = np.where(own & (last != BLANK), last_symbol * frame[item, last], 0.0)
            # Each prefix with each symbol, (n_items, width, n_symbols); a repeat counts only after a blank.
            repeat = last[:, :, None] == symbols[:, None]
            grown = np.where(repeat, blank[:, :, None], total[:, :, None]) * frame[item, symbols][:, None]
            grown *= own[:, :, None]
            grown_key = (key[:, :, None] + np.uint64(width)) * _FACTOR + symbols[:, None].astype(np.uint64)
            # A grown prefix may already be in the beam: then its probability is added there.
            same = grown_key[:, :, :, None] == key[:, None, None]
            if same.any():
                stay_last = stay_last + (same * grown[:, :, :, None]).sum(axis=(1, 2))
                grown = np.where(same.any(axis=3), 0.0, grown)
            of_all = np.concatenate([stay_blank + stay_last, grown.reshape(n_items, -1)], axis=1)
            best = np.argpartition(-of_all, width - 1, axis=1)[:, :width]
            is_grown = best >= width
            parent = np.where(is_grown, (best - width) // n_symbols, best)
            symbol = symbols[item, np.where(is_grown, (best - width) % n_symbols, 0)]
            flat = np.where(is_grown, best - width, 0)
            blank = np.where(is_grown, 0.0, stay_blank[item, parent])
            last_symbol = np.where(is_grown, grown.reshape(n_items, -1)[item, flat], stay_last[item, parent])
            key = np.where(is_grown, grown_key.reshape(n_items, -1)[item, flat], key[item, parent])
            last = np.where(is_grown, symbol, last[item, parent])
            strings, length = strings[item, parent], length[item, parent]
            at = np.minimum(length, longest - 1)[:, :, None]
            written = np.where(is_grown, symbol, np.take_along_axis(strings, at, axis=2)[:, :, 0]).astype(np.int16)
            np.put_along_axis(strings, at, written[:, :, None], axis=2)
            length = length + is_grown
    total = blank + last_symbol
    order = np.argsort(-total, axis=1)
    found: list[Strings] = []
    for row, ranks in enumerate(order):
        some = [(tuple(strings[row, i, : length[row, i]].tolist()), float(total[row, i])) for i in ranks]
        found.append([(string, p) for string, p in some if p > 0])
    return found


def _without_gaps(probs: Floats, n_frames: NDArray[np.int64]) -> tuple[Floats, NDArray[np.bool_], NDArray[np.int64]]:
    """The frames that are not surely blank, whether a gap precedes each of them, and their number."""
    n_items, longest, _ = probs.shape
    kept = (probs[:, :, BLANK] <= SURELY_BLANK) & (np.arange(longest) < n_frames[:, None])
    n_kept = kept.sum(axis=1)
    order = np.argsort(~kept, axis=1, kind="stable")[:, : max(1, n_kept.max(initial=1))]
    gaps = np.diff(order, axis=1, prepend=-1) > 1
    return probs[np.arange(n_items)[:, None], order], gaps, n_kept
