"""A training that runs only once as a job of a sweep."""

from __future__ import annotations

import math
from pathlib import Path

from speech.common.escape import printable
from speech.config import compose
from speech.config.sweep import is_job, same_command
from speech.config.tree import Config, ConfigError
from speech.evaluation.sweep import Job, differing
from speech.training.run import train


def train_once(config: Config, resume: bool = False) -> float:
    """Like ``train``, but a finished job of a sweep is not trained again, and an interrupted one is continued.

    Raises ConfigError for a job whose folder holds another job.
    """
    return train_job(config) if is_job() else train(config, resume)


def train_job(config: Config) -> float:
    """The best validation CER of the job ``config``, whose folder may belong to an interrupted sweep."""
    run_dir, job = Path(config.run_dir), Job(compose.plain(config, resolve=False), None)
    before = Job.read(run_dir)
    if before is None:
        job.write(run_dir)
    elif keys := differing([before.config, job.config]):
        others = ", ".join(keys)
        raise ConfigError(f"{run_dir}: it contains a job with other values ({others}): give the sweep's own command")
    elif before.ended:
        print(f"{printable(run_dir)}: already done")
        return math.nan if before.val_cer is None else before.val_cer
    begun = (run_dir / "checkpoints" / "last.ckpt").is_file()
    val_cer = train(compose.saved(run_dir, "train"), resume=True) if begun else train(config)
    unvalidated = math.isnan(val_cer)
    Job(job.config, None if unvalidated else val_cer, unvalidated).write(run_dir)
    return val_cer


def way_on(run_dir: str) -> str:
    """The command that continues the training in ``run_dir``, or the sweep that it is a job of."""
    return (
        same_command(str(Path(run_dir).parent)) if is_job() else f"python -m speech.train resume={printable(run_dir)}"
    )
