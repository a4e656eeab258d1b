"""The hypotheses for the same few clips in the course of training: from nothing to *martin*."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from speech.common import storage
from speech.monitor.clips import FirstClips
from speech.monitor.moments import early_step_is_due, require_from_1, writer
from speech.training.task import best_paths


class Hypotheses(FirstClips):
    """One clip of each of the first ``n_clips`` names, as text in TensorBoard and in the run's ``hypotheses.jsonl``.

    They are decoded after each epoch and, within the first, where they change most, after step ``first_step`` and
    twice, four times, ... as many. A line of the file is ``{"step": 200, "epoch": 0, "hyp": {"martin": "marin"}}``.
    """

    def __init__(self, n_clips: int, first_step: int) -> None:
        super().__init__(n_clips)
        require_from_1(self, first_step=first_step)
        self.first_step = first_step

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        path = _path(trainer)
        # For a resumed run: a crash may have left half a line, after which nothing could be read.
        if trainer.is_global_zero and path.is_file():
            os.truncate(path, path.read_bytes().rfind(b"\n") + 1)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if early_step_is_due(trainer, self.first_step):
            self._write(trainer, pl_module)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._write(trainer, pl_module)

    @torch.no_grad()
    def _write(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if not trainer.is_global_zero:
            return
        recognizer, device = pl_module.recognizer.eval(), pl_module.device
        logits, n_frames = recognizer(self.batch.waveforms.to(device), self.batch.n_samples.to(device))
        recognizer.train()
        hypotheses = dict(zip(self.batch.texts, best_paths(recognizer, logits, n_frames), strict=True))
        if board := writer(trainer):
            rows = "".join(f"| {ref} | {hyp or '(nothing)'} |\n" for ref, hyp in hypotheses.items())
            board.add_text("hypotheses", f"| reference | hypothesis |\n|---|---|\n{rows}", trainer.global_step)
        line = {"step": trainer.global_step, "epoch": trainer.current_epoch, "hyp": hypotheses}
        with storage.appended(_path(trainer)) as file:
            file.write(json.dumps(line) + "\n")


def _path(trainer: pl.Trainer) -> Path:
    return Path(trainer.default_root_dir) / "hypotheses.jsonl"
