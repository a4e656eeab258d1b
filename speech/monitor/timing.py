"""The time of a training step by part: data, front end, forward, backward, update, and the callbacks themselves."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.profilers import PassThroughProfiler, Profiler

from speech.monitor.moments import require_from_1

PARTS = ("data", "front end", "forward", "backward", "update", "callbacks")
DATA, FRONT_END, FORWARD, BACKWARD, UPDATE, CALLBACKS = PARTS


class Clock(Profiler):
    """The seconds of each part, from the actions that Lightning reports, without double counting of nested actions."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._under_way: list[str] = []
        self._last = 0.0

    def start(self, action_name: str) -> None:
        self._credit()
        self._under_way.append(_part(action_name) or (self._under_way[-1] if self._under_way else ""))

    def stop(self, action_name: str) -> None:
        self._credit()
        self._under_way.pop()

    def _credit(self) -> None:
        now = time.perf_counter()
        if self._under_way:
            self.seconds[self._under_way[-1]] += now - self._last
        self._last = now


def _part(action: str) -> str | None:
    """The part to which one of Lightning's actions belongs; None if it is that of the enclosing action."""
    if action.startswith("[Callback]"):
        return CALLBACKS
    if action.startswith("[Strategy]") and action.endswith(".training_step"):
        return FORWARD
    if action.startswith("[Strategy]") and action.endswith(".backward"):
        return BACKWARD
    known = {"run_training_batch": UPDATE, "[_TrainingEpochLoop].train_dataloader_next": DATA, FRONT_END: FRONT_END}
    return known.get(action)


class StepTimes(pl.Callback):
    """``time/<part>``: milliseconds per step, the mean over ``every_n_steps`` steps.

    ``callbacks`` includes those at an epoch's end and in validation, spread over the steps: the cost of monitoring.
    ``front end`` is measured separately if it runs as a module, which it does not with ``gradients=manual``. On a GPU
    these are the times for launching the work. A run with its own Lightning profiler keeps that profiler.
    """

    def __init__(self, every_n_steps: int) -> None:
        require_from_1(self, every_n_steps=every_n_steps)
        self.every_n_steps = every_n_steps
        self._clock: Clock | None = None
        self._hooks: list[Any] = []
        self._begun = 0  # the step at which the clock's seconds begin

    def setup(self, trainer: pl.Trainer, pl_module: Any, stage: str) -> None:
        profiled: Any = trainer
        if not isinstance(profiled.profiler, PassThroughProfiler):
            return
        self._clock = clock = profiled.profiler = Clock()

        def begin(front_end: Any, _inputs: Any) -> None:
            if front_end.training:
                clock.start(FRONT_END)

        def end(front_end: Any, _inputs: Any, _outputs: Any) -> None:
            if front_end.training:
                clock.stop(FRONT_END)

        front_end = pl_module.recognizer.frontend
        self._hooks = [front_end.register_forward_pre_hook(begin), front_end.register_forward_hook(end)]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._begun = trainer.global_step
        if self._clock:
            self._clock.seconds.clear()

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step - self._begun >= self.every_n_steps:
            self._log(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._log(trainer)  # includes the figures of the last epoch

    def _log(self, trainer: pl.Trainer) -> None:
        n_steps = trainer.global_step - self._begun
        if self._clock and n_steps:
            times = {f"time/{part}": 1000 * self._clock.seconds[part] / n_steps for part in PARTS}
            for logger in trainer.loggers:
                logger.log_metrics(times, trainer.global_step)
            self._begun = trainer.global_step
            self._clock.seconds.clear()

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
