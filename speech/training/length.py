"""The length of training, in optimiser steps, which depends on the size of the corpus.

A network trained with CTC spells nothing until it has left its blank plateau, which takes some hundreds of steps,
whatever the number of clips. An epoch of a small corpus therefore passes over the clips several times, unless the user
sets the number of passes (``trainer.max_epochs``).
"""

from __future__ import annotations

from typing import NamedTuple

from pytorch_lightning.callbacks import Timer
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from speech.config.compose import plain
from speech.config.tree import Config, ConfigError


class Length(NamedTuple):
    n_epochs: int  # at most; -1: until trainer.max_steps
    n_steps: int  # per epoch, at least


def length(config: Config) -> Length:
    """``trainer.max_epochs`` passes over the clips; if it is null, the epochs that ``config.length`` describes."""
    trainer, least = config.trainer, config.get("length")
    for key in ("n_epochs", "n_steps") if least or trainer.max_epochs is None else ():
        if type(value := (least or {}).get(key)) is not int or value < 1:
            raise ConfigError(f"length.{key}={value} must be a whole number, 1 or more")
    limited = trainer.get("max_steps", -1) != -1
    if trainer.max_epochs is not None:
        endless = limited and trainer.max_epochs == -1  # Lightning's value for no limit
        if not endless and (type(trainer.max_epochs) is not int or trainer.max_epochs < 1):
            raise ConfigError(f"trainer.max_epochs={trainer.max_epochs} must be a whole number, 1 or more, or null")
        return Length(trainer.max_epochs, n_steps=1)
    return Length(-1 if limited else config.length.n_epochs, config.length.n_steps)


def timer(config: Config) -> Timer:
    """The timer of a training, which it ends after ``trainer.max_time``, if given; Lightning then adds none.

    Raises ConfigError for an invalid time.
    """
    limit = plain(config.trainer.get("max_time"))
    try:
        return Timer(limit)
    except (MisconfigurationException, TypeError) as error:
        raise ConfigError(f"trainer.max_time={limit}: give days:hours:minutes:seconds, 00:01:30:00") from error


def longer(config: Config, n_epochs: int, n_steps: int) -> str:
    """The option that makes a training that ended after ``n_epochs`` and ``n_steps`` steps long enough, or twice as
    long."""
    trainer, least = config.trainer, config.get("length")
    if trainer.max_epochs is None:
        return f"length.n_epochs={2 * n_epochs}" if length(config).n_epochs > 0 else f"trainer.max_steps={2 * n_steps}"
    if least is not None and config.replay is None and n_steps < least.n_epochs * least.n_steps:
        return "trainer.max_epochs=null"
    return f"trainer.max_epochs={2 * n_epochs}"
