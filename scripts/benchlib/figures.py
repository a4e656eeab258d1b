"""How a benchmark prints a figure: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from speech.evaluation.intervals import proportion, ratio_interval

Hits = NDArray[np.bool_]  # (n_clips,): which of them are right
UNKNOWN = "?"  # a speaker whom a manifest does not name


def show(
    name: str,
    value: float,
    unit: str = "",
    than: str = "",
    ratio: float | None = None,
    interval: Sequence[float] | None = None,
) -> None:
    """``value`` in ``unit``; ``than`` says what it is compared with, or which aim it has, and on how much data.

    ``ratio`` is of the value to what it is compared with, ``interval`` 95 % of the ratio where there is one, else of
    the value.
    """
    figure = {"name": name, "value": value, "unit": unit, "than": than, "ratio": ratio, "interval": interval}
    print(json.dumps(figure), flush=True)


def show_proportion(name: str, hits: Hits, speakers: Sequence[str], than: str = "") -> None:
    """The proportion of ``hits``, its interval over speakers and over clips."""
    counts = clips_of(speakers)
    show(name, float(hits.mean()), "", f"{than}; {counts}" if than else counts, None, proportion(hits, speakers))


def clips_of(speakers: Sequence[str]) -> str:
    """How many clips, of as many ``speakers`` where all are known."""
    return f"{len(speakers)} clips" if UNKNOWN in speakers else f"{len(speakers)} clips, {len(set(speakers))} speakers"


def show_change(name: str, hits: Hits, base: Hits, speakers: Sequence[str], than: str) -> None:
    """How much more often ``hits`` are right than ``base``, paired clip by clip."""
    interval = ratio_interval(hits.astype(float) - base, np.ones(len(hits)), speakers)
    show(name, float(hits.mean() - base.mean()), "", f"{than}; paired, {len(hits)} clips", None, interval)
