"""Where trained recognisers lie."""

from __future__ import annotations

from pathlib import Path

FILE = "recognizer.pt"


def find_recognizer(place: str, runs_dir: str) -> Path:
    """The file that ``place`` stands for: a file, a run's folder, or ``latest``, the newest under ``runs_dir``.

    Raises FileNotFoundError where there is none.
    """
    if place == "latest":
        found = sorted(Path(runs_dir).glob(f"**/{FILE}"), key=lambda path: path.stat().st_mtime)
        if not found:
            raise FileNotFoundError(f"no {FILE} under {Path(runs_dir).resolve()}: train one, or give recognizer=PATH")
        return found[-1]
    path = Path(place).expanduser()
    return path / FILE if path.is_dir() else path
