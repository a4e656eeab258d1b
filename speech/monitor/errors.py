"""The clips of which most letters are wrong, to be played: is it the recogniser that fails, or the voice?"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytorch_lightning as pl
from torch import Tensor

from speech.common.escape import printable
from speech.data.dataset import Batch
from speech.evaluation.metrics import n_edits
from speech.monitor.moments import writer_if_due
from speech.training.task import Validated


class Misrecognised(NamedTuple):
    """A validation clip whose hypothesis is not the reference."""

    cer: float  # of this clip
    id: str
    ref: str
    hyp: str
    speaker: str
    waveform: Tensor  # (n_samples,)


class MisrecognisedClips(pl.Callback):
    """``errors/<n>``: the ``n_clips`` of the highest CER, as sound; ``errors``: their references and hypotheses."""

    def __init__(self, n_clips: int, first_epoch: int) -> None:
        self.n_clips, self.first_epoch = n_clips, first_epoch
        self._worst: list[Misrecognised] = []
        self._n_clips = self._n_wrong = 0

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._worst, self._n_clips, self._n_wrong = [], 0, 0

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        validated: Validated = outputs
        self._n_clips += len(batch.texts)
        for row, (ref, hyp) in enumerate(zip(batch.texts, validated.letters, strict=True)):
            if ref != hyp:
                waveform = batch.waveforms[row, : batch.n_samples[row]]
                cer = n_edits(ref, hyp) / len(ref)
                self._worst.append(Misrecognised(cer, batch.ids[row], ref, hyp, batch.speakers[row], waveform))
                self._n_wrong += 1
        self._worst = sorted(self._worst, key=lambda one: (-one.cer, one.id))[: self.n_clips]

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        board, step = writer_if_due(trainer, self.first_epoch), trainer.global_step
        if board is None:
            return
        rows = [f"{self._n_wrong} of {self._n_clips} clips are no exact match. Highest CER:", ""]
        rows += ["| sound | reference | hypothesis | CER | speaker |", "|---|---|---|---|---|"]
        for i, one in enumerate(self._worst, start=1):
            board.add_audio(f"errors/{i}", one.waveform.cpu()[None], step, pl_module.recognizer.sample_rate)
            speaker = printable(one.speaker).replace("|", "\\|")
            rows.append(f"| errors/{i} | {one.ref} | {one.hyp or '(nothing)'} | {one.cer:.0%} | {speaker} |")
        board.add_text("errors", "\n".join(rows), step)
