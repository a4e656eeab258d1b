"""The jobs of a sweep in one table: the options in which they differ, and the results of each.

Each job's folder has, beside its ``report.json``, a ``job.json`` with the requested config, from which the differing
options are found, and the best validation CER, null for a job that has not ended.
"""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from speech.common import storage
from speech.common.escape import printable
from speech.evaluation import format
from speech.evaluation.metrics import Metric
from speech.evaluation.report import RunReport, read_typed

JOB = "job.json"
FIGURES = {"closed_set_accuracy": "closed-set accuracy %", "exact_match": "exact match %", "cer": "CER %"}
ENDS = {"value": "", "low": "/low", "high": "/high"}  # a metric's field, and the end of its tag in TensorBoard
WIDEST = 40  # characters of a value in the table, at most


@dataclass(frozen=True)
class Job:
    """A job; ``val_cer`` is None if it has not ended, or was not validated."""

    config: dict[str, Any]  # interpolations are not resolved, so that references to its own folder do not differ
    val_cer: float | None
    unvalidated: bool = False  # whether it has ended without validation

    @property
    def ended(self) -> bool:
        return self.unvalidated or self.val_cer is not None

    @classmethod
    def read(cls, folder: Path) -> Job | None:
        """None if there is no job. Raises ValueError for a damaged file."""
        path = folder / JOB
        job: Job | None = read_typed(cls, storage.read_json(path), path) if path.is_file() else None
        return job

    def write(self, folder: Path) -> None:
        storage.write_json(folder / JOB, asdict(self))


@dataclass(frozen=True)
class Row:
    job: str  # the name of its folder in the sweep's folder
    differs: dict[str, Any]  # option -> value, for the options in which the jobs differ
    val_cer: float | None
    train_seconds: float | None
    metrics: dict[str, Metric | None]  # of all test clips; empty for a job that has not ended


def differing(configs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The options that differ between ``configs``, with the value in each config."""
    flat = [dict(_flat(config)) for config in configs]
    keys = dict.fromkeys(key for one in flat for key in one)
    values = {key: [one.get(key) for one in flat] for key in keys}
    return {key: some for key, some in values.items() if any(one != some[0] for one in some)}


def _flat(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a config by their dotted keys; a list is a single value."""
    for key, child in node.items():
        if isinstance(child, dict):
            yield from _flat(child, f"{path}{key}.")
        else:
            yield f"{path}{key}", child


def read(folder: Path) -> list[Row]:
    """The jobs in a sweep's folder, by number."""
    places = sorted((path.parent for path in folder.glob(f"*/{JOB}")), key=lambda place: (len(place.name), place.name))
    jobs = [job for place in places if (job := Job.read(place)) is not None]
    differs = differing([job.config for job in jobs])
    rows = []
    for number, (place, job) in enumerate(zip(places, jobs, strict=True)):
        seconds, metrics = None, {}
        if job.ended:
            report = RunReport.read(place / "report.json")
            seconds, overall = report.train_seconds, report.evaluation.overall
            metrics = {name: getattr(overall, name) for name in FIGURES}
        own = {key: values[number] for key, values in differs.items()}
        rows.append(Row(place.name, own, job.val_cer, seconds, metrics))
    return rows


def summarise(place: str | Path) -> str:
    """The table of the sweep in the folder ``place``, also written there as ``sweep.json``, and as ``hparams`` for
    TensorBoard's page HPARAMS, with only the options that differ. Empty for a sweep without jobs."""
    folder = Path(place)
    rows = read(folder)
    if not rows:  # the sweep was refused before its first job
        return ""
    storage.write_json(folder / "sweep.json", {"jobs": [asdict(row) for row in rows]})
    _log(folder / "hparams", rows)
    shown = printable(folder)
    return f"\n{text(rows)}\n\nJSON             {shown}/sweep.json\nTensorBoard log  {shown}/hparams\n{shown}"


def text(rows: Sequence[Row]) -> str:
    """A table of plain text, with 95 % intervals, and the best job by validation CER: no metric is of those clips."""
    heads = ["job", *(rows[0].differs if rows else ()), "validation CER %", *FIGURES.values(), "seconds"]
    lines = [format.table([heads, *map(_cells, rows)]), format.INTERVALS]
    if ended := [row for row in rows if row.val_cer is not None]:
        lines.append(f"lowest validation CER: job {min(ended, key=lambda row: row.val_cer or 0.0).job}")
    return "\n".join(lines)


def _cells(row: Row) -> list[str]:
    val_cer = "-" if row.val_cer is None else f"{100 * row.val_cer:.2f}"
    seconds = "-" if row.train_seconds is None else f"{row.train_seconds:.0f}"
    figures = [format.number(row.metrics.get(name)) for name in FIGURES]
    return [row.job, *map(_value, row.differs.values()), val_cer, *figures, seconds]


def _value(value: Any) -> str:
    shown = f"{value:.4g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)
    return textwrap.shorten(printable(shown), WIDEST, placeholder="...")


def _log(folder: Path, rows: Sequence[Row]) -> None:
    """Log each metric as three scalars: its value, and the ends of its interval."""
    shutil.rmtree(folder, ignore_errors=True)  # left from before the sweep was continued
    with SummaryWriter(str(folder)) as writer:
        for row in rows:
            figures = {f"final/{name}": metric for name, metric in row.metrics.items() if metric}
            scalars = {f"{name}{end}": getattr(one, key) for name, one in figures.items() for key, end in ENDS.items()}
            if row.metrics:
                val = {} if row.val_cer is None else {"val/cer": row.val_cer}
                given = {
                    key: value if isinstance(value, bool | int | float) else _value(value)
                    for key, value in row.differs.items()
                }
                writer.add_hparams(given, scalars | val, run_name=row.job)
