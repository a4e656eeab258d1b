"""When a view is due, and where it goes.

A network changes most in its first epochs: what is expensive is shown after 1, 2, 4, 8 ... of them and after the last
one, so that its cost stays small beside the training's, however long that is.
"""

from __future__ import annotations

import pytorch_lightning as pl
from torch.utils.tensorboard import SummaryWriter


def require_from_1(callback: pl.Callback, **settings: int) -> None:
    """Raise ValueError, which names ``callback``, for a setting that is no whole number from 1."""
    for name, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"callbacks: {name}={value} of {type(callback).__name__}: a whole number from 1 is needed")


def is_doubling(count: int, first: int) -> bool:
    """Whether ``count`` is ``first``, twice, four times, ... as much."""
    times, rest = divmod(count, first)
    return rest == 0 and times.bit_count() == 1


def epoch_is_due(trainer: pl.Trainer, first_epoch: int) -> bool:
    """After epoch ``first_epoch`` (from 1), twice, four times, ... as many, and after the last of the run's length.

    Not after the last of a run that EarlyStopping ends: Lightning asks that one when all others have seen the epoch.
    """
    n_epochs = trainer.current_epoch + 1
    last = trainer.should_stop or n_epochs == trainer.max_epochs
    return not trainer.sanity_checking and (last or is_doubling(n_epochs, first_epoch))


def early_step_is_due(trainer: pl.Trainer, first_step: int) -> bool:
    """Within the first epoch: after step ``first_step``, twice, four times, ... as many. Its end is the epoch's."""
    within = trainer.current_epoch == 0 and not trainer.is_last_batch
    return within and is_doubling(trainer.global_step, first_step)


def is_shown(trainer: pl.Trainer) -> bool:
    """Whether the run has a TensorBoard: the same in all of its processes."""
    return any(isinstance(logger, pl.loggers.TensorBoardLogger) for logger in trainer.loggers)


def writer(trainer: pl.Trainer) -> SummaryWriter | None:
    """TensorBoard's, where the run has one, in the process that writes."""
    for logger in trainer.loggers:
        if isinstance(logger, pl.loggers.TensorBoardLogger) and trainer.is_global_zero:
            return logger.experiment
    return None


def writer_if_due(trainer: pl.Trainer, first_epoch: int) -> SummaryWriter | None:
    """``writer``, where ``epoch_is_due``."""
    return writer(trainer) if epoch_is_due(trainer, first_epoch) else None
