"""A run's checkpoints on disk: whole, or the one before.

Lightning's own writing goes by way of the folder for temporary files: where that is another file system, the last step
is a copy over the last good checkpoint, which a kill or a full disk leaves destroyed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytorch_lightning.plugins.io import TorchCheckpointIO

from speech.common import storage
from speech.model import torch_file


class CheckpointIO(TorchCheckpointIO):
    """Written beside its place and renamed once it is on the disk; one that cannot be read is told with the way out."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        storage.write_bytes(Path(path), torch_file.to_bytes(checkpoint))

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        """On the CPU, without pickle's code. Raises ValueError for a file that is missing, cut short or damaged."""
        try:
            return torch_file.read(Path(path))
        except (OSError, torch_file.DamagedError) as error:
            best = Path(path).with_name("best.ckpt")
            there = best.is_file() and best != Path(path)
            way_out = f"copy {best} over it, to go on from the best epoch" if there else "start a new run"
            raise ValueError(f"{path}: not a whole checkpoint ({error}): {way_out}") from error
