"""When each letter is said: the MFCC of a few clips, the letters' probabilities over them, and the forced alignment."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from speech.data.dataset import Batch
from speech.evaluation.alignment import draw
from speech.monitor.clips import first_clips
from speech.monitor.layers import has_diverged
from speech.monitor.moments import epoch_is_due, writer


class Alignment(pl.Callback):
    """``alignment``: a column for each of the first ``n_clips`` names, after ``first_epoch``, twice as many, ..."""

    def __init__(self, n_clips: int = 3, first_epoch: int = 1) -> None:
        self.n_clips, self.first_epoch = n_clips, first_epoch
        self._batch: Batch | None = None

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._batch = first_clips(trainer, self.n_clips)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        board = writer(trainer)
        if board is None or not epoch_is_due(trainer, self.first_epoch) or has_diverged(pl_module):
            return
        assert self._batch is not None
        clips = [
            (text, waveform[:n].numpy())
            for text, waveform, n in zip(self._batch.texts, self._batch.waveforms, self._batch.n_samples, strict=True)
        ]
        figure = draw(pl_module.recognizer, clips)
        figure.suptitle("Red: where each letter of what was said fits best (forced alignment)", fontsize=9, y=0.995)
        board.add_figure("alignment", figure, trainer.global_step)
