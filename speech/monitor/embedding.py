"""Names as points in TensorBoard's projector, from the encoder's last layer: similar names are close together."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from speech.data.dataset import Batch
from speech.monitor.moments import is_shown, writer
from speech.training.distributed import gathered
from speech.training.task import Validated


class NameEmbedding(pl.Callback):
    """``names``, at the end of training: the mean of the last layer's units over the frames of a name's clips."""

    def __init__(self) -> None:
        self._hidden: Tensor | None = None  # (batch, n_frames, n_units), the last input of the output layer
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        self._hook: Any = None

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        def keep(_module: Any, inputs: tuple[Tensor, ...]) -> None:
            self._hidden = inputs[0]

        self._sums, self._counts = {}, {}
        output = getattr(pl_module.recognizer.encoder, "output", None)  # other encoders may lack it
        self._hook = output.register_forward_pre_hook(keep) if output is not None else None

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        validated: Validated = outputs
        if self._hidden is None or batch.spare:
            return
        for text, units, n_frames in zip(batch.texts, self._hidden, validated.n_frames.tolist(), strict=True):
            self._sums[text] = self._sums.get(text, 0) + units[:n_frames].mean(dim=0)
            self._counts[text] = self._counts.get(text, 0) + 1

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if self._hook is not None:
            self._hook.remove()
        self._hidden = None

    def on_train_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if not is_shown(trainer):
            return
        everyone = gathered(({name: units.cpu() for name, units in self._sums.items()}, self._counts))
        names = sorted(set().union(*(counts for _, counts in everyone)))
        board = writer(trainer)
        if board is None or not names:
            return
        sums = [torch.stack([sums[name] for sums, _ in everyone if name in sums]).sum(dim=0) for name in names]
        counts = [sum(counts.get(name, 0) for _, counts in everyone) for name in names]
        points = torch.stack([units / n for units, n in zip(sums, counts, strict=True)])
        board.add_embedding(points, metadata=names, global_step=trainer.global_step, tag="names")
