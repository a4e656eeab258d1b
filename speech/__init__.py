"""A small recogniser that learns to spell spoken names, and shows how it learns.

    from speech import Recognizer, Runtime

``Recognizer`` is a trained one (torch), ``Runtime`` an exported file (onnxruntime); either is imported when asked for.
"""

import os
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime's: read as it is imported, which nothing here does before this

__version__ = "0.1.0"
__all__ = ["Recognizer", "Runtime"]


def __getattr__(name: str) -> Any:  # what takes seconds to import waits until it is asked for (PEP 562)
    if name == "Recognizer":
        from speech.model.recognizer import Recognizer

        return Recognizer
    if name == "Runtime":
        from speech.inference.runtime import Runtime

        return Runtime
    raise AttributeError(f"module 'speech' has no attribute {name!r}")
