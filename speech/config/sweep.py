"""A sweep (``-m``): its folder, and whether the current program is a job of one."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.experimental.callback import Callback
from hydra.types import RunMode

from speech.common import program, storage
from speech.common.escape import printable
from speech.common.extras import require

KEYS = "search=", "hydra/sweeper=", "hydra/launcher="  # options that only a sweep reads
LAUNCHERS = {  # by hydra/launcher, its module and its distribution
    "joblib": ("hydra_plugins.hydra_joblib_launcher", "hydra-joblib-launcher"),
    "submitit_local": ("hydra_plugins.hydra_submitit_launcher", "hydra-submitit-launcher"),
    "submitit_slurm": ("hydra_plugins.hydra_submitit_launcher", "hydra-submitit-launcher"),
}


class Resumable(Callback):
    """Prints, when a sweep begins, how to continue it; Hydra calls it in the process that starts the jobs."""

    folder: str | None = None  # of this process's sweep
    lock: Any = None  # of that folder, while its jobs run

    def on_multirun_start(self, config: Any, **kwargs: Any) -> None:
        # Hydra would turn an exception in a callback into a warning and continue: ``explained`` ends the program.
        Resumable.lock = program.explained(lambda: storage.claim(Path(config.hydra.sweep.dir), "a sweep"))
        Resumable.folder = config.hydra.sweep.dir
        with suppress(ModuleNotFoundError):  # a project made by speech.new does not have it
            # In an editable install with other plugins, Hydra does not find it by itself.
            Plugins.instance().register(importlib.import_module("hydra_plugins.speech_optuna").OptunaSweeper)
        print(f"a sweep; if it is stopped, it continues with {same_command(config.hydra.sweep.dir)}", flush=True)


@contextmanager
def tracked() -> Iterator[None]:
    """A context in which ``Resumable.folder`` is the sweep's folder, if one begins, and is locked for other sweeps."""
    Resumable.folder = Resumable.lock = None
    try:
        yield
    finally:
        if Resumable.lock is not None:
            Resumable.lock.release()


def same_command(folder: str) -> str:
    """The command, in words, that continues the sweep in ``folder``."""
    return f"the same command and hydra.sweep.dir={printable(folder)}"


def is_job() -> bool:
    """Whether the current program is a job of a sweep."""
    return HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN


def require_launcher(choice: Any) -> None:
    """Raise ModuleNotFoundError, with the command that installs it, for a launcher that is not installed."""
    if choice in LAUNCHERS:
        module, distribution = LAUNCHERS[choice]
        require(module, "sweep", distribution)
