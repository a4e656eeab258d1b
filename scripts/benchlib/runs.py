"""The runs that are measured: existing ones, or runs trained with the command that a user runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from speech.common.runs import find_recognizer
from speech.config.compose import saved
from speech.config.objects import instantiate
from speech.config.tree import Config
from speech.data.datamodule import SpeechData
from speech.model.recognizer import Recognizer
from speech.text.alphabet import Alphabet
from speech.training.corpora import make_data


def run_folder(place: str | Path) -> Path:
    """The folder of the run ``place`` (or ``newest``); ends the program if the run is missing or unfinished."""
    try:
        run_dir = find_recognizer(str(place), "runs", "run").parent
    except FileNotFoundError as error:
        sys.exit(f"error: {error}")
    missing = [name for name in ("recognizer.pt", "config.yaml", "report.json") if not (run_dir / name).is_file()]
    if missing:
        sys.exit(f"error: {run_dir}: no {', '.join(missing)} there: give the folder of a finished run")
    return run_dir.resolve()


def train(run_dir: Path, overrides: Sequence[str] = ()) -> None:
    """Run ``python -m speech.train`` with ``overrides`` into ``run_dir``; ends the program if it fails."""
    quiet = "+trainer.enable_progress_bar=false"
    command = [sys.executable, "-m", "speech.train", *overrides, f"run_dir={run_dir}", quiet]
    if subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode:
        sys.exit(f"error: training failed: {' '.join(command)}")


def read_report(run_dir: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((run_dir / "report.json").read_text(encoding="utf-8"))
    return report


def _config(run_dir: Path, cache_dir: str | None) -> Config:
    config = saved(run_dir, "train")
    config.cache_dir = cache_dir or config.cache_dir
    return config


def data_of(run_dir: Path, recognizer: Recognizer, cache_dir: str | None = None) -> SpeechData:
    """The run's corpus, in ``cache_dir`` or the run's own cache; built if it is not there."""
    return make_data(_config(run_dir, cache_dir), recognizer)


def training_texts(run_dir: Path, alphabet: Alphabet, cache_dir: str | None = None) -> set[str]:
    """All texts of the run's training, folded."""
    items, _ = instantiate(_config(run_dir, cache_dir).corpus).items(alphabet)
    return {alphabet.fold(item.text) for item in items if item.split == "train"}
