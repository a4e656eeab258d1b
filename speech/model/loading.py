"""A recogniser from its file: torch's or an exported one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speech.common.build import DECODER, build
from speech.inference.transcriber import Transcriber


def load(path: Path, decoder: Mapping[str, Any] | None = None) -> Transcriber:
    """The recogniser in ``path``, torch's file or an exported ``.onnx``, with another ``decoder`` if one is given.

    Raises RecognizerError where there is none. torch is imported for its own file alone.
    """
    transcriber: Transcriber
    if path.suffix == ".onnx":
        from speech.inference.runtime import Runtime

        transcriber = Runtime(path)
    else:
        from speech.model.recognizer import Recognizer

        transcriber = Recognizer.load(path)
    if decoder:
        transcriber.decoder = build(decoder, DECODER)
    return transcriber
