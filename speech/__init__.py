"""A small recogniser that learns to spell spoken names, and shows how it learns.

    from speech import Recognizer, Runtime

``Recognizer`` is a trained recogniser (torch), ``Runtime`` an exported one (onnxruntime); each is imported when used.
"""

import os
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime reads it on import, and nothing here imports it before this

__version__ = "0.1.0"
__all__ = ["Recognizer", "Runtime"]


def __getattr__(name: str) -> Any:  # slow imports wait until they are needed (PEP 562)
    if name == "Recognizer":
        from speech.model.recognizer import Recognizer

        return Recognizer
    if name == "Runtime":
        from speech.inference.runtime import Runtime

        return Runtime
    raise AttributeError(f"module 'speech' has no attribute {name!r}")
