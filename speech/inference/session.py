"""Opens an ONNX file of this project for one thread."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from speech import pretrained
from speech.common import seal
from speech.inference.errors import RecognizerError


def open_session(path: Path, way_out: str) -> Any:
    """onnxruntime's session of the file ``path``. Raises RecognizerError, with the ``way_out``, if onnxruntime cannot
    read the file or if its checksum does not match.
    """
    import onnxruntime

    try:
        content = _checked(path)
    except seal.DamagedError as error:
        raise RecognizerError(f"{path}: cannot read it ({error}): {way_out}") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # a name is too short to gain from more threads
    options.log_severity_level = 4  # errors come as exceptions
    # External weights, from the working folder for example, are looked for in a folder that does not exist.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", f"{path}/nowhere")
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no base class
        reason = f"onnxruntime {onnxruntime.__version__} cannot read it ({error})"
        raise RecognizerError(f"{path}: {reason}: {way_out}") from error


def _checked(path: Path) -> bytes:
    """The bytes of ``path``, checked by their seal or, for a file that ships, by SHA256SUMS. Raises DamagedError."""
    content = seal.read(path)
    shipped = (pretrained.FOLDER / "SHA256SUMS").read_text(encoding="ascii").split()
    if not seal.is_sealed(content) and hashlib.sha256(content).hexdigest() not in shipped:
        raise seal.DamagedError("wrong checksum: not one of this project's files, damaged, or of an earlier version")
    return content
