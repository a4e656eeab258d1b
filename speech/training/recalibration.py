"""Refitting a trained recogniser's ranking and rejection to other clips."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from speech import pretrained
from speech.common import runs, storage
from speech.common.escape import printable
from speech.config import compose
from speech.config.objects import instantiate
from speech.config.tree import Config
from speech.evaluation import provenance
from speech.evaluation.calibration import CalibrationReport, NotCalibrated
from speech.evaluation.report import Ranking, RunReport
from speech.model import loading
from speech.model.recognizer import Recognizer
from speech.training.corpora import make_data
from speech.training.finish import fit_to_clips
from speech.training.folder import WRITER
from speech.training.report import write_card


def recalibrate(config: Config) -> tuple[Path, CalibrationReport]:
    """Fit to the clips of ``config.split`` and rewrite the recogniser's file; returns its path and the calibration.

    The run's report and model card are updated. The replaced files are kept beside them, and their names are printed.
    Raises ValueError, and leaves the file unchanged, for too few clips; OSError for a folder that cannot be written, or
    in which another process trains or calibrates.
    """
    if config.recognizer == runs.SHIPPED:
        file = pretrained.shipped(pretrained.RECOGNIZER)
        raise ValueError(f"recognizer=shipped: the shipped recogniser is not changed: give a copy of {file}")
    path = runs.find_recognizer(config.recognizer, config.runs_dir, "recognizer")
    recognizer = loading.load(path)
    if not isinstance(recognizer, Recognizer):
        raise ValueError(f"recognizer={path}: an exported file is not changed: calibrate its run, and export it again")
    lock = storage.claim(path.parent, WRITER)
    try:
        return path, _recalibrated(config, path, recognizer)
    finally:
        lock.release()


def _recalibrated(config: Config, path: Path, recognizer: Recognizer) -> CalibrationReport:
    compose.as_trained(config, path, ["corpus", "augment"])
    data = make_data(config, recognizer)
    if config.split not in data.datasets:
        raise ValueError(f"split={config.split}: the corpus has {', '.join(data.datasets)}")
    calibration = fit_to_clips(recognizer, data, config.split, instantiate(config.augment), config)
    if isinstance(calibration, NotCalibrated):
        raise ValueError(f"split={config.split}: {calibration.reason}")
    recognizer.trained_on = provenance.record(data.datasets[config.split].clips, recognizer.trained_on)
    report = path.parent / "report.json"
    replaced = [path, report, path.parent / "model_card.md"]
    kept = [storage.keep(one).name for one in replaced if one.is_file()]
    print(printable(f"the earlier files are kept in {path.parent}: {', '.join(kept)}"))
    recognizer.save(path)
    if report.is_file():
        replace(RunReport.read(report), calibration=calibration, ranking=Ranking.of(recognizer)).write(report)
        write_card(path.parent, recognizer)
    if config.output:
        storage.write_json(Path(config.output), asdict(calibration))
    return calibration
