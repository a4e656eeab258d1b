"""Files that a run writes: whole or not there; damage is told by the file's name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass


def read_text(path: Path) -> str:
    """What a run wrote into ``path``. Raises ValueError for a file that is missing or no text."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _unfinished(path, error) from error


def read_json(path: Path) -> dict[str, Any]:
    """What ``write`` wrote. Raises ValueError for a file that is missing, cut short, or of another version."""
    try:
        content = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise _unfinished(path, error) from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: not what a run writes there: made by another version; train again")
    return content


def _unfinished(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path}: not there, or half written ({error}): has the run ended? resume it")


def write_json(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
