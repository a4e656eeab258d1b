"""The composed config as text, so that a log is complete without the run's folder."""

from __future__ import annotations

from pathlib import Path

import pytorch_lightning as pl

from speech.common.escape import printable_lines
from speech.monitor.moments import writer


class Settings(pl.Callback):
    """``config``, when training begins: the run folder's ``config.yaml``."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if board := writer(trainer):
            text = (Path(trainer.default_root_dir) / "config.yaml").read_text(encoding="utf-8")
            lines = printable_lines(text).splitlines()
            board.add_text("config", "".join(f"    {line}\n" for line in lines), trainer.global_step)
