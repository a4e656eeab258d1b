"""The jobs of a sweep in one table: in what they differ, and how well each did.

Each has in its folder, beside its ``report.json``, a ``job.json`` with the config that was asked for, from which what
differs is told, and the best validation CER, null for a job that has not ended.
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
ENDS = {"value": "", "low": "/low", "high": "/high"}  # of a metric, and of its tag in TensorBoard
WIDEST = 40  # letters of a value in the table


@dataclass(frozen=True)
class Job:
    """``val_cer`` is None for a job that has not ended, or was not validated."""

    config: dict[str, Any]  # its interpolations not resolved: those that lead to its own folder do not differ
    val_cer: float | None
    unvalidated: bool = False  # it has ended

    @property
    def ended(self) -> bool:
        return self.unvalidated or self.val_cer is not None

    @classmethod
    def read(cls, folder: Path) -> Job | None:
        """None where no job is. Raises ValueError for a file that is damaged."""
        path = folder / JOB
        job: Job | None = read_typed(cls, storage.read_json(path), path) if path.is_file() else None
        return job

    def write(self, folder: Path) -> None:
        storage.write_json(folder / JOB, asdict(self))


@dataclass(frozen=True)
class Row:
    job: str  # its folder in the sweep's
    differs: dict[str, Any]  # option -> value, of those in which the jobs differ
    val_cer: float | None
    train_seconds: float | None
    metrics: dict[str, Metric | None]  # of all test clips; empty for a job that has not ended


def differing(configs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The options that are not the same in all ``configs``, with each one's value."""
    flat = [dict(_flat(config)) for config in configs]
    keys = dict.fromkeys(key for one in flat for key in one)
    values = {key: [one.get(key) for one in flat] for key in keys}
    return {key: some for key, some in values.items() if any(one != some[0] for one in some)}


def _flat(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a config by their keys; a list is a value."""
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
    """The table of the sweep in the folder ``place``, which is written there too: ``sweep.json``, and ``hparams`` for
    TensorBoard's page HPARAMS, with what differs alone. Empty for one without a job."""
    folder = Path(place)
    rows = read(folder)
    if not rows:  # refused before its first job
        return ""
    storage.write_json(folder / "sweep.json", {"jobs": [asdict(row) for row in rows]})
    _log(folder / "hparams", rows)
    shown = printable(folder)
    return f"\n{text(rows)}\n\nJSON             {shown}/sweep.json\nTensorBoard log  {shown}/hparams\n{shown}"


def text(rows: Sequence[Row]) -> str:
    """A table of plain text, with 95 % intervals, and which job is best by the clips that no figure is of."""
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
    return textwrap.shorten(shown, WIDEST, placeholder="...")


def _log(folder: Path, rows: Sequence[Row]) -> None:
    """A metric is three: its value, and the ends of its interval."""
    shutil.rmtree(folder, ignore_errors=True)  # of the sweep before it went on
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
