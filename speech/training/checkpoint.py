"""A run's checkpoints on disk: an interrupted write leaves the previous one intact.

Lightning itself writes by way of the folder for temporary files. If that is on another file system, the last step is a
copy over the last good checkpoint, which a kill or a full disk destroys.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytorch_lightning.plugins.io import TorchCheckpointIO

from speech.common import storage
from speech.model import torch_file

_HERE = "."  # the checkpoint's own folder
_PATHS = ("best_model_path", "kth_best_model_path", "last_model_path")  # keys of a ModelCheckpoint's state


class CheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its place and renames it once it is on disk; its read errors say what to do.

    Paths of checkpoints in its own folder are stored without the folder, so that a run may be moved.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        folder = os.path.realpath(Path(path).parent)  # as ModelCheckpoint has it
        kept = _placed(checkpoint, folder, _HERE, os.path.basename)
        storage.write_bytes(Path(path), torch_file.to_bytes(kept))

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        """Load on the CPU, without running pickled code. Raises ValueError for a missing, truncated or damaged file."""
        folder = os.path.realpath(Path(path).parent)
        try:
            return _placed(torch_file.read(Path(path)), _HERE, folder, lambda name: os.path.join(folder, name))
        except (OSError, torch_file.DamagedError) as error:
            best = Path(path).with_name("best.ckpt")
            there = best.is_file() and best != Path(path)
            way_out = f"copy {best} over it, to continue from the best epoch" if there else "start a new run"
            raise ValueError(f"{path}: not a whole checkpoint ({error}): {way_out}") from error


def _placed(checkpoint: dict[str, Any], was: str, folder: str, place: Callable[[str], str]) -> dict[str, Any]:
    """``checkpoint``, with each ModelCheckpoint of folder ``was`` moved to ``folder``, its files by ``place``."""

    def moved(state: Any) -> Any:
        if not isinstance(state, dict) or state.get("dirpath") != was:
            return state
        paths = {key: place(path) for key in _PATHS if (path := state.get(key))}
        best = {place(path): score for path, score in state.get("best_k_models", {}).items()}
        return state | paths | {"dirpath": folder, "best_k_models": best}

    states = checkpoint.get("callbacks")
    return checkpoint | {"callbacks": {key: moved(state) for key, state in states.items()}} if states else checkpoint
