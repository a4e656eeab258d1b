"""Writing an evaluation to the files that a user asks for."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from speech.common import event_files, storage
from speech.evaluation.comparison import Comparison
from speech.evaluation.figures import draw
from speech.evaluation.report import SCHEMA, EvaluationReport


def write(
    report: EvaluationReport, against: Comparison | None, json: str | None, picture: str | None, tensorboard: str | None
) -> None:
    """``json`` is a file for all figures, ``picture`` a PNG, SVG or PDF, ``tensorboard`` the folder of a log."""
    if json:
        comparison = {"against": asdict(against)} if against else {}
        storage.write_json(Path(json).expanduser(), {"schema": SCHEMA} | asdict(report) | comparison)
    if picture:
        with storage.whole(Path(picture).expanduser()) as part:
            draw(report).savefig(part)
    if tensorboard:
        from torch.utils.tensorboard import SummaryWriter

        from speech.evaluation.tensorboard import log

        place = Path(tensorboard).expanduser()
        with event_files.written(place), SummaryWriter(str(place)) as writer:
            log(writer, report)
