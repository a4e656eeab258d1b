"""When to say *that was no name of the list*: what a threshold on the first name's score accepts and refuses.

Every clip is ranked twice: with its name in the list, where a right first name is to be accepted and a wrong one
refused, and with its name left out, where whatever comes first is to be refused. Two scores are laid side by side:

    probability   of the first name within the list. It must add up to 1, whatever was said.
    per frame     (log p(first name) - log p(best path)) / frames: how much worse it explains the sound than the letters
                  that the network would choose freely. A filler model's ratio, with the free path for the filler.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

PROBABILITY, PER_FRAME = "probability", "per frame"


class Trials(NamedTuple):
    """Answers of a recogniser: the score of each, and whether it was right."""

    scores: np.ndarray  # float (n,)
    right: np.ndarray  # bool (n,)


class Curve(NamedTuple):
    """What is accepted though it is wrong, and refused though it is right, at each threshold, which rises."""

    thresholds: np.ndarray
    false_accepts: np.ndarray  # of what is wrong
    false_rejects: np.ndarray  # of what is right


def trials(scores: np.ndarray, said: np.ndarray, free: np.ndarray, n_frames: np.ndarray) -> dict[str, Trials]:
    """By kind of score. ``scores`` ``(n_clips, n_names)`` are log p(name | clip), ``free`` those of the best paths.

    ``said`` int ``(n_clips,)`` says which of the names is the clip's.
    """
    clips = np.arange(len(scores))
    left_out = scores.copy()
    left_out[clips, said] = -np.inf
    right = np.concatenate([scores.argmax(axis=1) == said, np.zeros(len(scores), dtype=bool)])
    first = np.concatenate([scores.max(axis=1), left_out.max(axis=1)])
    lists = np.concatenate([scores, left_out])
    impossible = np.isneginf(first)  # a list of one name that is left out, or names that are too long for the sound
    reference = np.where(impossible, 0, first)
    probability = np.where(impossible, 0, 1 / np.exp(lists - reference[:, None]).sum(axis=1).clip(min=1))
    per_frame = (np.where(impossible, -1e3, first) - np.tile(free, 2)) / np.tile(n_frames, 2)
    return {PER_FRAME: Trials(per_frame, right), PROBABILITY: Trials(probability, right)}


def curve(of: Trials) -> Curve:
    """Accepted is what scores at least the threshold; beyond the highest score nothing is."""
    thresholds = np.append(np.unique(of.scores), np.inf)
    wrong, right = np.sort(of.scores[~of.right]), np.sort(of.scores[of.right])
    accepts = 1 - np.searchsorted(wrong, thresholds) / max(1, len(wrong))
    return Curve(thresholds, accepts, np.searchsorted(right, thresholds) / max(1, len(right)))


def equal_error(of: Curve) -> tuple[float, float]:
    """The rate at which as much is wrongly accepted as wrongly refused, and the threshold there."""
    i = int(np.abs(of.false_accepts - of.false_rejects)[:-1].argmin())
    return float(of.false_accepts[i] + of.false_rejects[i]) / 2, float(of.thresholds[i])


def draw(curves: dict[str, Curve]) -> Figure:
    """A line a kind of score: the nearer to the lower left corner, the better it tells names from what is none."""
    figure = Figure(figsize=(4.6, 3.8), dpi=80)
    axes = figure.subplots()
    figure.subplots_adjust(left=0.13, right=0.97, top=0.97, bottom=0.13)
    for kind, colour in ((PER_FRAME, "#1a5fb4"), (PROBABILITY, "#b3261e")):
        rate, threshold = equal_error(curves[kind])
        label = f"{kind}: equal at {rate:.1%}, threshold {threshold:.3g}"
        axes.plot(100 * curves[kind].false_accepts, 100 * curves[kind].false_rejects, color=colour, label=label)
    axes.plot([0, 100], [0, 100], color="#bbbbbb", linewidth=0.6)
    axes.set_xlim(0, 50)
    axes.set_ylim(0, 50)
    axes.set_xlabel("accepted, though wrong or not in the list (%)", fontsize=9)
    axes.set_ylabel("refused, though right (%)", fontsize=9)
    axes.legend(fontsize=8)
    return figure
