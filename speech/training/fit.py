"""The second step of a run: training, by Lightning."""

from __future__ import annotations

import logging
import math
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch import Tensor

from speech.common import processes, program
from speech.config.objects import instantiate
from speech.config.tree import ConfigError
from speech.training.checkpoint import CheckpointIO
from speech.training.distributed import Process, Started, joined
from speech.training.interruption import Interrupted
from speech.training.length import length, longer, timer
from speech.training.others import Others
from speech.training.prepare import Prepared
from speech.training.task import SpellingTask

UNUSED = "parameters that were not used in producing the loss"  # Lightning's words


@dataclass(frozen=True)
class Fitted:
    """The results of training."""

    weights: Mapping[str, Tensor]  # of the best epoch
    val_cer: float  # the best; NaN if there was no validation
    seconds: float
    n_epochs: int
    n_steps: int
    longer: str  # the option with which the command trains longer


def fit(prepared: Prepared, others: Others) -> Fitted:
    """Train ``prepared.recognizer`` to the end, together with ``others``, and read the weights of the best epoch.

    Raises Interrupted if a signal stopped it, after saving its state, and ConfigError for what Lightning cannot do.
    """
    config, data = prepared.config, prepared.data
    # Hidden are advertisements and hints to developers, on which a user cannot act.
    hints = "treespec, LeafSpec|does not have many workers|is not resumable|exists and is not empty|sync_dist=True"
    before_validation = "could not find the monitored key"
    warnings.filterwarnings("ignore", f"(?s).*({hints}|{before_validation})")
    warnings.formatwarning = program.format_warning  # Lightning's own format adds a line of its code
    n_clips = ", ".join(f"{len(dataset)} {split}" for split, dataset in data.datasets.items())
    print(f"{prepared.recognizer.n_parameters} parameters; clips: {n_clips}; {len(data.refused)} refused")
    others.ask(_fit_beside)
    trainer, task, clock = _trained(prepared, others.process, others.blamed)
    others.answers()

    best = trainer.checkpoint_callback  # the first one: it monitors val/cer, unless the config says otherwise
    # Without validation there is no best epoch, and the last one is used; trainer.fast_dev_run writes neither.
    written = [one.best_model_path for one in trainer.checkpoint_callbacks if one.best_model_path]
    state = CheckpointIO().load_checkpoint(written[0])["state_dict"] if written else task.state_dict()
    weights = {name.removeprefix("recognizer."): tensor for name, tensor in state.items()}
    cer = best.best_model_score if best.monitor == "val/cer" else trainer.callback_metrics.get("val/cer")
    val_cer = math.nan if cer is None else float(cer)
    n_epochs, n_steps, early = trainer.current_epoch, trainer.global_step, trainer.early_stopping_callback
    option = "callbacks.stop_early=null" if early and early.stopped_epoch else longer(config, n_epochs, n_steps)
    return Fitted(weights, val_cer, clock.time_elapsed("train"), n_epochs, n_steps, option)


def _trained(
    prepared: Prepared, process: Process, blamed: Callable[[], AbstractContextManager[None]]
) -> tuple[Any, SpellingTask, pl.callbacks.Timer]:
    """Train, with ``process`` taking its share of each batch; returns the trainer, the task and the timer.

    ``blamed`` finds the cause of an error while the processes are still running.
    """
    config, data = prepared.config, prepared.data
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    optimizer, scheduler, gradients = map(instantiate, (config.optimizer, config.scheduler, config.gradients))
    task = SpellingTask(prepared.recognizer, optimizer, scheduler, gradients, config.seed)
    clock = timer(config)
    callbacks = [clock, *(instantiate(node) for node in config.callbacks.values() if node is not None)]
    n_epochs, data.n_steps = length(config)
    data.process = process.rank, process.n
    several, alone = ([Started(process)], {}) if process.n > 1 else ([], {"strategy": "auto"})
    trainer = instantiate(
        config.trainer,
        max_epochs=n_epochs,
        callbacks=callbacks,
        logger=prepared.logger,
        default_root_dir=config.run_dir,
        plugins=[CheckpointIO(), *several],
        **alone,
    )
    with (
        processes.temporary_files_in_one_folder("train"),
        torchs_errors_told(),
        processes.no_children_left(),
        blamed(),
        joined(process, trainer.strategy.root_device),
    ):
        try:
            trainer.fit(task, datamodule=data, ckpt_path=prepared.checkpoint, weights_only=True)
        except MisconfigurationException as error:  # an option that Lightning rejects only when it trains
            raise ConfigError(" ".join(str(error).split())) from error
    return trainer, task, clock


@contextmanager
def torchs_errors_told() -> Iterator[None]:
    """A context in which two errors say what to do: torch's for a loader process that ended, for whatever reason, and
    Lightning's for parameters, of an encoder of one's own, that have no part in the loss of several processes."""
    try:
        yield
    except RuntimeError as error:
        if UNUSED in str(error):
            raise ConfigError(
                "trainer=ddp: the encoder has parameters that are not used: take them out, or add "
                "trainer.strategy=ddp_find_unused_parameters_true"
            ) from error
        if not re.match(r"DataLoader worker .* (exited unexpectedly|is killed by signal)", str(error)):
            raise
        how = str(error).partition(". ")[0]  # torch's hints follow
        raise ChildProcessError(
            f"the process that makes batches has ended ({how}): is there enough memory and space in /dev/shm? training "
            "continues from its last checkpoint with resume=RUN_DIR"
        ) from error


def _fit_beside(prepared: Prepared, process: Process) -> None:
    """Run in each other process while the first is in ``fit``."""
    with suppress(Interrupted):  # the state is saved, which the first process reports
        _trained(prepared, process, nullcontext)
