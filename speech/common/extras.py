"""Optional packages."""

from __future__ import annotations

import importlib
from typing import Any


def require(package: str, extra: str, distribution: str | None = None) -> Any:
    """The module ``package``. Raises ModuleNotFoundError with the command that installs it.

    ``distribution`` is its name for pip, if that differs.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        way_out = f"pip install {distribution or package}  (or the whole extra: pip install 'speech-names[{extra}]')"
        raise ModuleNotFoundError(f"{package} is not installed: {way_out}", name=package) from error
