"""Confusions between names: a matrix of mean probabilities, its closest pairs, and its picture."""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from speech.common.escape import escape_mathtext


def mean_probabilities(scores: np.ndarray, refs: np.ndarray) -> np.ndarray:
    """``matrix[i, j]``: the mean probability, within the list, of name ``j`` over the clips of name ``i``.

    ``scores`` ``(n_clips, n_names)`` are log p(name | clip), ``refs`` the references' indices, int ``(n_clips,)``.
    The row of a name without clips is 0.
    """
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    of_name = refs[None] == np.arange(scores.shape[1])[:, None]
    sums: np.ndarray = of_name @ probabilities
    return sums / np.maximum(1, of_name.sum(axis=1, keepdims=True))


def closest(closeness: np.ndarray, n_pairs: int) -> list[tuple[int, int]]:
    """The ``n_pairs`` pairs of names (first, second) with the largest values in a symmetric matrix."""
    first, second = np.triu_indices(len(closeness), k=1)
    order = np.argsort(-closeness[first, second], kind="stable")[:n_pairs]
    return [(int(first[k]), int(second[k])) for k in order]


def draw(names: list[str], matrix: np.ndarray, n_names: int) -> Figure:
    """Draw the ``n_names`` names that are closest to another; ``matrix`` is from ``mean_probabilities``."""
    apart = matrix * (1 - np.eye(len(names)))
    closeness = np.maximum(apart.max(axis=0), apart.max(axis=1))
    shown = sorted(np.argsort(-closeness, kind="stable")[:n_names])
    with matplotlib.rc_context({"font.size": 8}):
        figure = Figure(figsize=(6, 5.2), dpi=80)
        axes = figure.subplots()
        figure.subplots_adjust(left=0.15, right=0.98, top=0.97, bottom=0.17)
        part = matrix[np.ix_(shown, shown)]
        image = axes.imshow(part, vmin=0, vmax=1, cmap="Blues")
        labels = [escape_mathtext(names[i]) for i in shown]
        axes.set_xticks(range(len(shown)), labels, rotation=90)
        axes.set_yticks(range(len(shown)), labels)
        axes.set_xlabel("hypothesis")
        axes.set_ylabel("reference")
        for i, j in np.argwhere(part >= 0.005):
            axes.text(
                j, i, f"{part[i, j]:.2f}", ha="center", va="center", color="white" if part[i, j] > 0.5 else "black"
            )
        figure.colorbar(image, label="mean probability within the list")
    return figure
