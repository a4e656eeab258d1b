"""How well a calibration holds: the reliability table, and the report in words."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech.inference.rejection import key
from speech.inference.score import Floats

N_BINS = 10


def reliability(is_none: NDArray[np.bool_], weights: Floats, nones: Floats) -> dict[str, Any]:
    """Of what got about the same p(none), ``nones`` ``(n,)``, how much was none? A row a bin, and the expected error.

    Expected calibration error: the mean over all trials of how far the mean p(none) of their bin is from the share
    that was none (Naeini, Cooper and Hauskrecht 2015).
    """
    rows, weights, error = [], weights / weights.sum(), 0.0
    bins = np.minimum((nones * N_BINS).astype(int), N_BINS - 1)
    for i in range(N_BINS):
        there = bins == i
        share = float(weights[there].sum())
        if share == 0:
            continue
        said, true = (float(weights[there] @ some[there]) / share for some in (nones, is_none))
        error += share * abs(said - true)
        rows.append({"proportion": share, "n_trials": int(there.sum()), "mean_none": said, "was_none": true})
    return {"expected_calibration_error": error, "reliability": rows}


def summary(report: dict[str, Any]) -> str:
    """The report in two lines."""
    if "reason" in report:
        return f"none of these: not calibrated: {report['reason']}"
    rate = key(report["false_accept_rate"])
    accepted = ", ".join(f"{kind} {share:.1%}" for kind, share in report["accepted"][rate].items())
    error = report["expected_calibration_error"]
    return (
        f"none of these: at the threshold {report['thresholds'][rate]:.3f}, for {report['false_accept_rate']:.0%} of "
        f"other words, it accepts\n  {accepted} (validation; calibration error {error:.3f})"
    )
