"""Where trained recognisers lie, and how one is loaded from there."""

from __future__ import annotations

from pathlib import Path

RECOGNIZER_FILE = "recognizer.pt"


def find_recognizer(place: str, runs_dir: str) -> Path:
    """The file that ``place`` stands for: a file, a run's folder, or ``latest``, the newest under ``runs_dir``.

    Raises FileNotFoundError where there is none.
    """
    if place == "latest":
        found = sorted(Path(runs_dir).glob(f"**/{RECOGNIZER_FILE}"), key=lambda path: path.stat().st_mtime)
        if not found:
            raise FileNotFoundError(
                f"no {RECOGNIZER_FILE} under {Path(runs_dir).resolve()}: train one, or give its path"
            )
        return found[-1]
    path = Path(place).expanduser()
    if not path.is_dir():
        return path
    if not (path / RECOGNIZER_FILE).is_file():
        unfinished = (path / "checkpoints" / "last.ckpt").is_file()
        way_out = f"finish it: python -m speech.train resume={path}" if unfinished else "give the folder of a run"
        raise FileNotFoundError(f"{path}: no {RECOGNIZER_FILE} there: {way_out}")
    return path / RECOGNIZER_FILE
