"""How a benchmark prints a figure: one JSON object per line."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from speech.evaluation.intervals import proportion, ratio_interval

Hits = NDArray[np.bool_]  # (n_clips,): whether each clip is right
UNKNOWN = "?"  # a speaker that the manifest does not name


def show(
    name: str,
    value: float,
    unit: str = "",
    than: str = "",
    ratio: float | None = None,
    interval: Sequence[float] | None = None,
) -> None:
    """Print ``value`` in ``unit``; ``than`` says what it is compared with or its aim, and the amount of data.

    ``ratio`` is the ratio between the value and its comparison, ``interval`` the 95 % interval of the ratio if there is
    one, else of the value.
    """
    figure = {"name": name, "value": value, "unit": unit, "than": than, "ratio": ratio, "interval": interval}
    print(json.dumps(figure), flush=True)


def show_proportion(name: str, hits: Hits, speakers: Sequence[str], than: str = "") -> None:
    """Print the proportion of ``hits``, with its interval over speakers and clips."""
    counts = clips_of(speakers)
    show(name, float(hits.mean()), "", f"{than}; {counts}" if than else counts, None, proportion(hits, speakers))


def clips_of(speakers: Sequence[str]) -> str:
    """The number of clips and, if all are known, of ``speakers``."""
    return f"{len(speakers)} clips" if UNKNOWN in speakers else f"{len(speakers)} clips, {len(set(speakers))} speakers"


def show_change(name: str, hits: Hits, base: Hits, speakers: Sequence[str], than: str) -> None:
    """Print how much more often ``hits`` are right than ``base``, paired clip by clip."""
    interval = ratio_interval(hits.astype(float) - base, np.ones(len(hits)), speakers)
    show(name, float(hits.mean() - base.mean()), "", f"{than}; paired, {len(hits)} clips", None, interval)
