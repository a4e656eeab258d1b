"""The few validation clips that some callbacks show repeatedly."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from speech.data.dataset import Batch
from speech.data.samplers import Step
from speech.monitor.moments import require_from_1


class FirstClips(pl.Callback):
    """``batch`` has one validation clip of each of the first ``n_clips`` names: the same in every epoch and run."""

    batch: Batch

    def __init__(self, n_clips: int) -> None:
        require_from_1(self, n_clips=n_clips)
        self.n_clips = n_clips

    def setup(self, trainer: Any, pl_module: pl.LightningModule, stage: str) -> None:
        dataset = trainer.datamodule.datasets["val"]
        first: dict[str, int] = {}
        for i, text in enumerate(dataset.texts):
            first.setdefault(text, i)
        self.batch = dataset[Step(0, 0, list(first.values())[: self.n_clips])]
