"""A recogniser from its file: torch's, or an exported one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speech.common.build import DECODER, build
from speech.inference import enrolment
from speech.inference.transcriber import Transcriber


def load(
    path: Path,
    decoder: Mapping[str, Any] | None = None,
    false_accept_rate: float | None = None,
    enrolled: str | None = None,
) -> Transcriber:
    """The recogniser in ``path``, torch's file or an exported ``.onnx``, with another decoder or threshold if given.

    ``enrolled`` is a file of enrolled names.

    Raises RecognizerError where there is none, ValueError for a rate without a calibrated threshold. torch is imported
    for its own file alone.
    """
    transcriber: Transcriber
    if path.suffix == ".onnx":
        from speech.inference.runtime import Runtime

        transcriber = Runtime(path)
    else:
        from speech.model.recognizer import Recognizer

        transcriber = Recognizer.load(path)
    if enrolled is not None:
        transcriber.enrolled = enrolment.read(Path(enrolled), transcriber.alphabet, transcriber.inventory)
    if decoder:
        transcriber.decoder = build(decoder, DECODER)
    if false_accept_rate is not None:
        if transcriber.rejection is None:
            raise ValueError(
                f"false_accept_rate={false_accept_rate}: {path} was not calibrated to reject what is out of list: "
                f"python -m speech.calibrate recognizer={path.parent}"
            )
        transcriber.rejection = transcriber.rejection.at(false_accept_rate)
    return transcriber
