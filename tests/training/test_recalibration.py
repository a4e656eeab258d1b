"""Ranking and rejection fitted again to other clips: in the recogniser's file, its report and its card."""

import errno
import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from speech.model.recognizer import Recognizer
from speech.training.folder import claimed
from speech.training.recalibration import recalibrate

CHOSEN = "threshold was chosen on"


@pytest.fixture
def config(small_run, compose, recordings, tmp_path):
    """Of a copy of the small run, and recordings of its speakers' two digits."""
    run = shutil.copytree(small_run, tmp_path / "run")
    everybody = ["corpus.val_speakers=0", "corpus.test_speakers=0", "split=train"]
    return compose("calibrate", f"recognizer={run}", "corpus=folder", f"corpus.root={recordings}", *everybody)


def test_it_is_in_the_report_and_on_the_card_and_counts_as_training(config, small_run, monkeypatch):
    monkeypatch.setattr("speech.training.trials.LEAST_CLIPS", 4)
    monkeypatch.setattr("speech.training.trials.LEAST_NAMES", 2)
    path, calibration = recalibrate(config)
    assert json.loads((path.parent / "report.json").read_text())["calibration"] == json.loads(
        json.dumps(asdict(calibration))
    )
    assert CHOSEN in (path.parent / "model_card.md").read_text()
    assert CHOSEN not in (small_run / "model_card.md").read_text()
    recognizer = Recognizer.load(path)
    assert recognizer.rejection.thresholds == calibration.thresholds
    assert {"f1", "f2", "m1", "m2", "m3"} < set(recognizer.trained_on["speakers"])
    for name in ("recognizer.pt", "report.json", "model_card.md"):
        stem, suffix = name.split(".")
        assert (path.parent / f"{stem}.before-1.{suffix}").read_bytes() == (small_run / name).read_bytes()
        assert (path.parent / name).read_bytes() != (small_run / name).read_bytes()


def test_too_few_clips_or_a_running_training_leave_the_recogniser_as_is(config):
    path = Path(config.recognizer, "recognizer.pt")
    before = path.read_bytes()
    message = "split=train: 20 validation clips of 2 names; at least 40 clips of 8 names are needed"
    with pytest.raises(ValueError, match=message):
        recalibrate(config)
    claim = claimed(config.recognizer, resume=True)
    with claim, pytest.raises(FileExistsError, match="a training or a calibration is"):
        recalibrate(config)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_written_is_told_before_clips_are_made(config, monkeypatch):
    def denied(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", f"{config.recognizer}/.lock")

    monkeypatch.setattr("filelock.FileLock.acquire", denied)
    with pytest.raises(OSError, match=rf"^{config.recognizer}: could not be written \(Permission denied"):
        recalibrate(config)


def test_an_exported_file_is_refused(small_export, compose):
    with pytest.raises(ValueError, match="an exported file is not changed: calibrate its run, and export it again"):
        recalibrate(compose("calibrate", f"recognizer={small_export / 'recognizer.onnx'}"))


def test_what_ships_is_refused_with_the_file_to_copy(compose):
    with pytest.raises(ValueError, match=r"^recognizer=shipped: .*: give a copy of .*pretrained/recognizer\.pt"):
        recalibrate(compose("calibrate", "recognizer=shipped"))
