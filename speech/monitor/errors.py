"""The clips with the most wrong letters, to be played: is the recogniser at fault, or the voice?"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytorch_lightning as pl
from torch import Tensor

from speech.common.counting import counted
from speech.common.escape import printable
from speech.data.dataset import Batch
from speech.evaluation.metrics import n_edits
from speech.monitor.moments import epoch_is_due, is_shown, require_from_1, writer
from speech.training.distributed import gathered
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
    """``errors/<n>``: the ``n_clips`` with the highest CER, as sound; ``errors``: their references and hypotheses."""

    def __init__(self, n_clips: int, first_epoch: int) -> None:
        require_from_1(self, first_epoch=first_epoch)
        self.n_clips, self.first_epoch = n_clips, first_epoch
        self._worst: list[Misrecognised] = []
        self._n_clips = self._n_wrong = 0

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._worst, self._n_clips, self._n_wrong = [], 0, 0

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        validated: Validated = outputs
        if batch.spare:
            return
        self._n_clips += len(batch.texts)
        for row, (ref, hyp) in enumerate(zip(batch.texts, validated.letters, strict=True)):
            if ref != hyp:
                waveform = batch.waveforms[row, : batch.n_samples[row]].cpu()
                cer = n_edits(ref, hyp) / len(ref)
                self._worst.append(Misrecognised(cer, batch.ids[row], ref, hyp, batch.speakers[row], waveform))
                self._n_wrong += 1
        self._worst = self._first(self._worst)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if not (epoch_is_due(trainer, self.first_epoch) and is_shown(trainer)):
            return
        everyone = gathered((self._worst, self._n_wrong, self._n_clips))
        board, step = writer(trainer), trainer.global_step
        if board is None:
            return
        worst = self._first([one for some, _, _ in everyone for one in some])
        n_wrong, n_clips = sum(n for _, n, _ in everyone), sum(n for _, _, n in everyone)
        rows = [f"No exact match: {n_wrong} of {counted(n_clips, 'clip')}. Highest CER:", ""]
        rows += ["| sound | reference | hypothesis | CER | speaker |", "|---|---|---|---|---|"]
        for i, one in enumerate(worst, start=1):
            board.add_audio(f"errors/{i}", one.waveform[None], step, pl_module.recognizer.sample_rate)
            speaker = printable(one.speaker).replace("|", "\\|")
            rows.append(f"| errors/{i} | {one.ref} | {one.hyp or '(nothing)'} | {one.cer:.0%} | {speaker} |")
        board.add_text("errors", "\n".join(rows), step)

    def _first(self, some: list[Misrecognised]) -> list[Misrecognised]:
        return sorted(some, key=lambda one: (-one.cer, one.id))[: self.n_clips]
