"""When a view is due, and the writer it goes to.

A network changes most in its first epochs: expensive views are shown after 1, 2, 4, 8 ... epochs and after the last
one, so that their cost stays small compared with that of training, however long it is.
"""

from __future__ import annotations

import pytorch_lightning as pl
from torch.utils.tensorboard import SummaryWriter


def require_from_1(callback: pl.Callback, **settings: int) -> None:
    """Raise ValueError, which names ``callback``, for a setting that is not a whole number of at least 1."""
    for name, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"callbacks: {name}={value} of {type(callback).__name__}: give a whole number from 1")


def is_doubling(count: int, first: int) -> bool:
    """Whether ``count`` is ``first`` or twice, four times, ... as much."""
    times, rest = divmod(count, first)
    return rest == 0 and times.bit_count() == 1


def epoch_is_due(trainer: pl.Trainer, first_epoch: int) -> bool:
    """Whether this is epoch ``first_epoch`` (from 1), twice, four times, ... as many, or the last by the run's length.

    It is false for the last epoch of a run that EarlyStopping ends: Lightning calls that callback after all others.
    """
    n_epochs = trainer.current_epoch + 1
    last = trainer.should_stop or n_epochs == trainer.max_epochs
    return not trainer.sanity_checking and (last or is_doubling(n_epochs, first_epoch))


def early_step_is_due(trainer: pl.Trainer, first_step: int) -> bool:
    """Whether this is, before the end of the first epoch, step ``first_step`` or twice, four times, ... as many."""
    within = trainer.current_epoch == 0 and not trainer.is_last_batch
    return within and is_doubling(trainer.global_step, first_step)


def is_shown(trainer: pl.Trainer) -> bool:
    """Whether the run has a TensorBoard logger: the same answer in all of its processes."""
    return any(isinstance(logger, pl.loggers.TensorBoardLogger) for logger in trainer.loggers)


def writer(trainer: pl.Trainer) -> SummaryWriter | None:
    """TensorBoard's writer, if the run has one, in the process that writes; None otherwise."""
    for logger in trainer.loggers:
        if isinstance(logger, pl.loggers.TensorBoardLogger) and trainer.is_global_zero:
            return logger.experiment
    return None


def writer_if_due(trainer: pl.Trainer, first_epoch: int) -> SummaryWriter | None:
    """``writer`` if ``epoch_is_due``, otherwise None."""
    return writer(trainer) if epoch_is_due(trainer, first_epoch) else None
