"""Loads a recogniser from a torch file or an exported one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speech.inference.commands import adjust
from speech.inference.transcriber import Transcriber


def load(
    path: Path,
    decoder: Mapping[str, Any] | None = None,
    false_accept_rate: float | None = None,
    enrolled: str | None = None,
) -> Transcriber:
    """The recogniser in ``path``, a torch file or an exported ``.onnx``, with another decoder or threshold if given.

    ``enrolled`` is a file of enrolled names.

    Raises RecognizerError if there is no recogniser, ValueError for a rate without a calibrated threshold. torch is
    imported only for a torch file.
    """
    transcriber: Transcriber
    if path.suffix == ".onnx":
        from speech.inference.runtime import Runtime

        transcriber = Runtime(path)
    else:
        from speech.model.recognizer import Recognizer

        transcriber = Recognizer.load(path)
    adjust(transcriber, path, decoder, false_accept_rate, enrolled)
    return transcriber
