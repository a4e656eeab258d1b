"""Each neuron's share of one clip's error, layer by layer and frame by frame, by the hand-written backpropagation."""

from __future__ import annotations

import copy
from typing import Any

import pytorch_lightning as pl

from speech.corpus.dataset import Batch
from speech.lessons.martin import Student
from speech.lessons.martin_pictures import draw_contributions
from speech.monitor.clips import first_clips
from speech.monitor.layers import has_diverged
from speech.monitor.moments import epoch_is_due, writer


class ErrorShare(pl.Callback):
    """``share``, of a clip of the first name, after ``first_epoch``, twice, four times, ... as many epochs."""

    def __init__(self, first_epoch: int = 4) -> None:
        self.first_epoch = first_epoch
        self._batch: Batch | None = None

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._batch = first_clips(trainer, 1)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        board = writer(trainer)
        if board is None or not epoch_is_due(trainer, self.first_epoch) or has_diverged(pl_module):
            return
        assert self._batch is not None
        own = copy.deepcopy(pl_module.recognizer).cpu().eval()  # in float64, which training's must not become
        student, text = Student(own, self._batch.waveforms[0].numpy()), self._batch.texts[0]
        board.add_figure("share", draw_contributions(student.listen(text), student, text), trainer.global_step)
