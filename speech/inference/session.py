"""An ONNX file, opened for one thread."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from speech.inference.errors import RecognizerError


def open_session(path: Path, way_out: str) -> Any:
    """onnxruntime's session of the file ``path``. Raises RecognizerError with the ``way_out`` where it reads none."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read as onnxruntime is imported
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # a name is too short to be worth more threads
    options.log_severity_level = 4  # errors come as exceptions
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no base class
        reason = f"onnxruntime {onnxruntime.__version__} cannot read it ({error})"
        raise RecognizerError(f"{path}: {reason}: {way_out}") from error
