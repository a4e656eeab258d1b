"""A lesson's place on disk, and its outcome by seed, as a report and as a table."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from torch.utils.tensorboard import SummaryWriter

from speech.common import storage

PICTURE = "picture.png"
N_SEEDS = 1 << 32  # that scikit-learn's split accepts


@dataclass(frozen=True)
class Place:
    """The run's folder, the location of the data, and the seeds; the lesson runs once for each seed."""

    run_dir: Path
    seeds: Sequence[int]
    data_dir: Path | None  # a folder that holds the data sets already; None: download them to cache_dir
    cache_dir: Path

    def __post_init__(self) -> None:
        seeds = self.seeds
        if not isinstance(seeds, list) or not seeds or any(type(s) is not int or not 0 <= s < N_SEEDS for s in seeds):
            raise ValueError(
                f"seeds={seeds}: a list of whole numbers from 0 to {N_SEEDS - 1} is needed, as seeds=[0,1,2]"
            )
        if len(set(seeds)) < len(seeds):
            raise ValueError(f"seeds={seeds}: each seed once, as seeds=[0,1,2]: the same one trains the same again")

    def log(self, seed: int) -> SummaryWriter:
        """The TensorBoard log of one seed, to be closed. TensorBoard hides what an interrupted lesson logged there."""
        return SummaryWriter(self.run_dir / "tensorboard" / f"seed_{seed}", purge_step=0)

    def save(self, figure: Figure) -> None:
        """Save the lesson's picture as a file and in TensorBoard."""
        with storage.whole(self.run_dir / PICTURE) as part:
            figure.savefig(part, dpi=110)
        with SummaryWriter(self.run_dir / "tensorboard" / "picture") as log:
            log.add_figure("picture", figure)


class SeedResult(NamedTuple):
    """One seed's outcome. ``figures`` has one figure per method: the network first, then its baselines."""

    seed: int
    figures: Mapping[str, float]
    gradient_error: float  # the largest, relative to central differences
    seconds: float  # of training, including the gradient check


class Result(NamedTuple):
    """A lesson's outcome. ``what`` names the figures' metric; ``facts`` are copied to report.json."""

    what: str
    unit: str  # "%": figures are proportions, shown in per cent
    by_seed: Sequence[SeedResult]
    facts: Mapping[str, Any]

    def report(self) -> dict[str, Any]:
        """Plain data for report.json: each figure's mean and spread (standard deviation) over the seeds."""
        names = list(self.by_seed[0].figures)
        by_name = {name: [one.figures[name] for one in self.by_seed] for name in names}
        return {
            "what": self.what,
            "unit": self.unit,
            "seeds": [one.seed for one in self.by_seed],
            "figures": {name: _spread(values) for name, values in by_name.items()},
            "largest_gradient_error": max(one.gradient_error for one in self.by_seed),
            "seconds": [one.seconds for one in self.by_seed],
            **self.facts,
        }

    def table(self) -> str:
        """A table with a row for each method."""
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
