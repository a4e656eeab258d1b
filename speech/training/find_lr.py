"""A search for the learning rate before training: ``callbacks=find_lr`` (Smith 2017)."""

from __future__ import annotations

import pytorch_lightning as pl
from pytorch_lightning.callbacks import LearningRateFinder

from speech.common.counting import counted


class FindLearningRate(LearningRateFinder):
    """Lightning's search over ``n_steps`` steps; the result becomes the highest rate of the schedule.

    Lightning itself would set the optimiser's rate, which the next step of the schedule overwrites. A resumed run
    takes its rate from its checkpoint.
    """

    def __init__(self, min_lr: float, max_lr: float, n_steps: int) -> None:
        super().__init__(min_lr, max_lr, n_steps, update_attr=False)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.ckpt_path is not None or trainer.fast_dev_run:  # type: ignore[attr-defined]  # Lightning sets it by setattr
            return
        super().on_fit_start(trainer, pl_module)
        assert self.optimal_lr is not None
        found = self.optimal_lr.suggestion()
        if found is None:
            n_steps = len(self.optimal_lr.results["loss"])
            raise ValueError(
                f"callbacks=find_lr: no learning rate from {counted(n_steps, 'step')}: give more steps or epochs"
            )
        for config in trainer.lr_scheduler_configs:
            scheduler, before = config.scheduler, config.scheduler.base_lrs
            for group, old in zip(scheduler.optimizer.param_groups, before, strict=True):
                group["lr"] *= found / old
                group["initial_lr"] = found
            scheduler.base_lrs = [found for _ in before]
        print(f"learning rate: {found:.2g}, the steepest of {self._num_training_steps} steps")
