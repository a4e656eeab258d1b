"""Where trained recognisers lie, and how one is loaded from there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speech.build import DECODER, build
from speech.transcriber import Transcriber

FILE = "recognizer.pt"


def find_recognizer(place: str, runs_dir: str) -> Path:
    """The file that ``place`` stands for: a file, a run's folder, or ``latest``, the newest under ``runs_dir``.

    Raises FileNotFoundError where there is none.
    """
    if place == "latest":
        found = sorted(Path(runs_dir).glob(f"**/{FILE}"), key=lambda path: path.stat().st_mtime)
        if not found:
            raise FileNotFoundError(f"no {FILE} under {Path(runs_dir).resolve()}: train one, or give its path")
        return found[-1]
    path = Path(place).expanduser()
    if not path.is_dir():
        return path
    if not (path / FILE).is_file():
        unfinished = (path / "checkpoints" / "last.ckpt").is_file()
        way_out = f"finish it: python -m speech.train resume={path}" if unfinished else "give the folder of a run"
        raise FileNotFoundError(f"{path}: no {FILE} there: {way_out}")
    return path / FILE


def load(path: Path, decoder: Mapping[str, Any] | None = None) -> Transcriber:
    """The recogniser in ``path``, torch's file or an exported ``.onnx``, with another ``decoder`` if one is given.

    Raises RecognizerError where there is none. torch is imported for its own file alone.
    """
    transcriber: Transcriber
    if path.suffix == ".onnx":
        from speech.runtime import Runtime

        transcriber = Runtime(path)
    else:
        from speech.recognizer import Recognizer

        transcriber = Recognizer.load(path)
    if decoder:
        transcriber.decoder = build(decoder, DECODER)
    return transcriber
