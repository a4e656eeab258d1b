"""The clips that were misheard, to be listened to: is it the recogniser's ear, or the voice?"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytorch_lightning as pl
from torch import Tensor

from speech.data.dataset import Batch
from speech.evaluation.metrics import n_edits
from speech.monitor.moments import epoch_is_due, writer
from speech.training.task import Validated


class Misrecognised(NamedTuple):
    """A validation clip whose letters are not those that were said."""

    wrong: float  # edits a letter
    id: str
    said: str
    heard: str
    speaker: str
    waveform: Tensor  # (n_samples,)


class MisrecognisedClips(pl.Callback):
    """``misheard/<n>``: the ``n_clips`` that went most wrong, as sound; ``misheard``: what was said and heard."""

    def __init__(self, n_clips: int = 5, first_epoch: int = 1) -> None:
        self.n_clips, self.first_epoch = n_clips, first_epoch
        self._misses: list[Misrecognised] = []
        self._n_heard = self._n_missed = 0

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._misses, self._n_heard, self._n_missed = [], 0, 0

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        validated: Validated = outputs
        self._n_heard += len(batch.texts)
        for row, (said, heard) in enumerate(zip(batch.texts, validated.letters, strict=True)):
            if said != heard:
                waveform = batch.waveforms[row, : batch.n_samples[row]]
                wrong = n_edits(said, heard) / len(said)
                self._misses.append(Misrecognised(wrong, batch.ids[row], said, heard, batch.speakers[row], waveform))
                self._n_missed += 1
        self._misses = sorted(self._misses, key=lambda miss: (-miss.wrong, miss.id))[: self.n_clips]

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        board, step = writer(trainer), trainer.global_step
        if board is None or not epoch_is_due(trainer, self.first_epoch):
            return
        rows = [f"{self._n_missed} of {self._n_heard} clips are misheard. The worst:", ""]
        rows += ["| sound | said | heard | speaker |", "|---|---|---|---|"]
        for i, miss in enumerate(self._misses, start=1):
            board.add_audio(f"errors/{i}", miss.waveform.cpu()[None], step, pl_module.recognizer.sample_rate)
            rows.append(f"| misheard/{i} | {miss.said} | {miss.heard or '(nothing)'} | {miss.speaker} |")
        board.add_text("errors", "\n".join(rows), step)
