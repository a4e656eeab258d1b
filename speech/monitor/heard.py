"""What is heard in the same few clips, epoch by epoch: how *marvin* becomes *martin*."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from speech.corpus.dataset import Batch
from speech.task import Validated


class HeardText(pl.Callback):
    """One validation clip of each of the first ``n_clips`` names, as text in TensorBoard and in ``heard.jsonl``.

    A line of the file: ``{"epoch": 3, "heard": {"martin": "marin", ...}}``.
    """

    def __init__(self, n_clips: int = 12) -> None:
        self.n_clips = n_clips
        self._clips: dict[str, str] = {}  # clip id -> what was said
        self._heard: dict[str, str] = {}

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        data: Any = trainer
        dataset = data.datamodule.datasets["val"]
        first: dict[str, str] = {}
        for text, clip in dataset.named():
            first.setdefault(text, clip.id)
        self._clips = {id: text for text, id in list(first.items())[: self.n_clips]}

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        validated: Validated = outputs
        for id, letters in zip(batch.ids, validated.letters, strict=True):
            if id in self._clips:
                self._heard[self._clips[id]] = letters

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking:
            return
        heard = {text: self._heard.get(text, "") for text in self._clips.values()}
        rows = "".join(f"| {text} | {letters or '(nothing)'} |\n" for text, letters in heard.items())
        if isinstance(trainer.logger, pl.loggers.TensorBoardLogger):
            trainer.logger.experiment.add_text("heard", f"| said | heard |\n|---|---|\n{rows}", trainer.current_epoch)
        with (Path(trainer.default_root_dir) / "heard.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"epoch": trainer.current_epoch, "heard": heard}) + "\n")
