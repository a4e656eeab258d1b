"""Where a lesson works, and what it reports."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from torch.utils.tensorboard import SummaryWriter

PICTURE = "picture.png"


class Place(NamedTuple):
    """What the entry point gives a lesson: the run's folder, where data lies, and the seeds to repeat it with."""

    run_dir: Path
    seeds: Sequence[int]
    data_dir: Path | None  # a folder that holds the data sets' files already; None: fetch them into cache_dir
    cache_dir: Path

    def log(self, seed: int) -> SummaryWriter:
        """TensorBoard's log of one seed; close it."""
        return SummaryWriter(self.run_dir / "tensorboard" / f"seed_{seed}")

    def save(self, figure: Figure) -> None:
        """The lesson's picture, as a file and in TensorBoard."""
        figure.savefig(self.run_dir / PICTURE, dpi=110)
        with SummaryWriter(self.run_dir / "tensorboard" / "picture") as log:
            log.add_figure("picture", figure)


class Try(NamedTuple):
    """One seed's outcome. ``figures`` names who reached what: first the network, then what it is compared with."""

    seed: int
    figures: Mapping[str, float]
    gradient_error: float  # the largest, relative to central differences
    seconds: float  # of learning, the check of the gradients included


class Result(NamedTuple):
    """A lesson's outcome. ``what`` says what the figures are, ``facts`` what else belongs into report.json."""

    what: str
    unit: str  # "%": figures are parts of 1, shown in per cent
    tries: Sequence[Try]
    facts: Mapping[str, Any]

    def report(self) -> dict[str, Any]:
        """Plain data for report.json: each figure's mean and spread (standard deviation) over the seeds."""
        names = list(self.tries[0].figures)
        by_name = {name: [one.figures[name] for one in self.tries] for name in names}
        return {
            "what": self.what,
            "unit": self.unit,
            "seeds": [one.seed for one in self.tries],
            "figures": {name: _spread(values) for name, values in by_name.items()},
            "largest_gradient_error": max(one.gradient_error for one in self.tries),
            "seconds": [one.seconds for one in self.tries],
            **self.facts,
        }

    def table(self) -> str:
        """A row for each that is compared."""
        report = self.report()
        scale = 100 if self.unit == "%" else 1
        seeds = " ".join(f"{f'seed {seed}':>8}" for seed in report["seeds"])
        lines = [f"{f'{self.what}, {self.unit}':<44} {'mean':>7} {'spread':>7}  {seeds}"]
        for name, found in report["figures"].items():
            values = " ".join(f"{value * scale:>8.2f}" for value in found["by_seed"])
            lines.append(f"{name:<44} {found['mean'] * scale:>7.2f} {found['spread'] * scale:>7.2f}  {values}")
        return "\n".join(lines)


def _spread(values: list[float]) -> dict[str, Any]:
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return {"mean": statistics.fmean(values), "spread": spread, "by_seed": values}


def write(path: Path, report: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
