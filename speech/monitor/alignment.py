"""The MFCC of a few clips, the letters' probabilities over time, and the forced alignment."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from speech.evaluation.alignment import draw
from speech.monitor.clips import FirstClips
from speech.monitor.layers import has_diverged
from speech.monitor.moments import require_from_1, writer_if_due


class Alignment(FirstClips):
    """``alignment``: one column per clip, after epoch ``first_epoch`` and after twice, four times, ... as many."""

    def __init__(self, n_clips: int, first_epoch: int) -> None:
        super().__init__(n_clips)
        require_from_1(self, first_epoch=first_epoch)
        self.first_epoch = first_epoch

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        board = writer_if_due(trainer, self.first_epoch)
        if board is None or has_diverged(pl_module):
            return
        rows = zip(self.batch.texts, self.batch.waveforms, self.batch.n_samples, strict=True)
        figure = draw(pl_module.recognizer, [(text, waveform[:n].numpy()) for text, waveform, n in rows])
        figure.suptitle("Red: forced alignment of the reference's letters", fontsize=9, y=0.995)
        board.add_figure("alignment", figure, trainer.global_step)
