"""A run's checkpoints on disk: whole, or the one before.

Lightning's own writing goes by way of the folder for temporary files: where that is another file system, the last step
is a copy over the last good checkpoint, which a kill or a full disk leaves destroyed.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from speech.common import storage


class CheckpointIO(TorchCheckpointIO):
    """Written beside its place and renamed once it is on the disk; one that cannot be read is told with the way out."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        encoded = io.BytesIO()
        torch.save(checkpoint, encoded)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        storage.write_bytes(Path(path), encoded.getvalue())

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        """Raises ValueError for a file that is missing, cut short or damaged."""
        try:
            content = torch.load(path, map_location=map_location or "cpu", weights_only=weights_only)
            assert isinstance(content, dict), "no keys in it"
        except Exception as error:  # torch raises whatever the damaged bytes lead it to
            best = Path(path).with_name("best.ckpt")
            there = best.is_file() and best != Path(path)
            way_out = f"copy {best} over it, to go on from the best epoch" if there else "start a new run"
            reason = str(error).strip().partition("\n")[0]
            raise ValueError(f"{path}: not a whole checkpoint ({type(error).__name__}: {reason}): {way_out}") from error
        return content
