"""Training saves its state before Ctrl-C, a batch system's SIGTERM or the end of a terminal (SIGHUP) stops it."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl

from speech.common import processes
from speech.common.escape import printable


class Interrupted(Exception):
    """Training was stopped by a signal; its state is in ``checkpoint``, which the message names."""

    def __init__(self, checkpoint: Path) -> None:
        super().__init__(f"stopped and saved in {printable(checkpoint)}")


class SaveOnInterrupt(pl.Callback):
    """Notes the signal; between two steps, where the state is consistent, saves it and raises Interrupted."""

    def __init__(self, checkpoint: str) -> None:
        self.checkpoint = Path(checkpoint)
        self._signalled = False
        self._before: dict[int, Any] = {}

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self._signalled = True

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for number in processes.GROUP_SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:  # SIG_IGN: under nohup, for example
                self._before[number] = signal.signal(number, self._note)

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx % trainer.accumulate_grad_batches:
            return
        # If any of several processes has received a signal, all stop at the same step.
        if trainer.strategy.reduce_boolean_decision(self._signalled, all=False):
            trainer.save_checkpoint(self.checkpoint)
            raise Interrupted(self.checkpoint)

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        for number, handler in self._before.items():
            if signal.getsignal(number) == self._note:  # Lightning has restored the one before its own
                signal.signal(number, handler)
        self._before = {}
