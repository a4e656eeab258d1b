"""What is heard in the same few clips while training goes on: how *marvin* becomes *martin*."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from speech.data.dataset import Batch
from speech.monitor.clips import first_clips
from speech.monitor.moments import early_step_is_due, writer
from speech.training.task import best_paths


class Hypotheses(pl.Callback):
    """One validation clip of each of the first ``n_clips`` names, as text in TensorBoard and in ``hypotheses.jsonl``.

    They are listened to after each epoch, and within the first after step ``first_step``, twice, four times that ...,
    since that is where most is learnt. A line of the file: ``{"step": 200, "epoch": 0, "heard": {"martin": "marin"}}``.
    """

    def __init__(self, n_clips: int = 12, first_step: int = 25) -> None:
        self.n_clips, self.first_step = n_clips, first_step
        self._batch: Batch | None = None

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._batch = first_clips(trainer, self.n_clips)
        path = _path(trainer)
        if path.is_file():  # of the run that goes on: a crash may have left half a line, which the next would end
            os.truncate(path, path.read_bytes().rfind(b"\n") + 1)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if early_step_is_due(trainer, self.first_step):
            self._listen(trainer, pl_module)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._listen(trainer, pl_module)

    @torch.no_grad()
    def _listen(self, trainer: pl.Trainer, pl_module: Any) -> None:
        assert self._batch is not None
        recognizer = pl_module.recognizer.eval()
        device = pl_module.device
        logits, n_frames = recognizer(self._batch.waveforms.to(device), self._batch.n_samples.to(device))
        recognizer.train()
        letters = best_paths(recognizer, logits, n_frames)
        heard = dict(zip(self._batch.texts, letters, strict=True))
        rows = "".join(f"| {text} | {letters or '(nothing)'} |\n" for text, letters in heard.items())
        if board := writer(trainer):
            board.add_text("hypotheses", f"| said | heard |\n|---|---|\n{rows}", trainer.global_step)
        line = {"step": trainer.global_step, "epoch": trainer.current_epoch, "heard": heard}
        with _path(trainer).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _path(trainer: pl.Trainer) -> Path:
    return Path(trainer.default_root_dir) / "hypotheses.jsonl"
