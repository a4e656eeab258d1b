"""The first step of a run: its folder, its corpus, and a recogniser with the weights that training starts from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from speech.common import storage
from speech.config import compose
from speech.config.objects import instantiate
from speech.config.tree import Config, ConfigError
from speech.data.datamodule import SpeechData
from speech.evaluation import provenance
from speech.model.recognizer import PARTS, Recognizer
from speech.text.names import plain, read_names
from speech.training import finetune
from speech.training.corpora import check_names, make_data
from speech.training.distributed import n_processes_of
from speech.training.environment import environment
from speech.training.length import length, timer
from speech.training.manual import Manual

N_PRIOR_BATCHES = 8  # batches to which the front end's CMVN prior is fitted


@dataclass(frozen=True)
class Prepared:
    """Everything that training starts from; ``config.run_dir`` is the run's folder."""

    config: Config
    recognizer: Recognizer
    data: SpeechData
    logger: Any
    checkpoint: Path | None  # to continue from
    initial: Recognizer | None  # the recogniser that is fine-tuned


def prepare(config: Config, resume: bool = False) -> Prepared:
    """``config``'s corpus and recogniser. Writes the config, with inherited parts, and the environment into the folder.

    Raises ConfigError, CorpusError, FileNotFoundError or RecognizerError for what a user can correct.
    """
    run_dir = Path(config.run_dir)
    checkpoint = run_dir / "checkpoints" / "last.ckpt" if resume else None
    if checkpoint and not checkpoint.is_file():
        raise FileNotFoundError(f"{checkpoint}: no checkpoint to continue from: start a new run")
    finetune.checked_alpha(config)
    length(config)  # errors in it and in the timer are reported before clips are made
    timer(config)
    check_trainer(config.trainer)
    n_processes = n_processes_of(config)
    if n_processes > 1 and isinstance(instantiate(config.gradients), Manual):  # DDP averages what autograd's hooks show
        raise ConfigError("gradients=manual: it needs a single process: use gradients=hybrid, or trainer=cpu")
    initial = finetune.inherit_parts(config) if config.init else None
    for key in ("names", "words"):  # the lines of a file, which may have changed when the run is resumed
        if isinstance(config.corpus.get(key), str):
            config.corpus[key] = plain(read_names(config.corpus[key]))
    compose.put(config, {"run_dir": str(run_dir)})  # its value: Hydra cannot resolve it when the run is resumed
    compose.save(config, run_dir / "config.yaml")
    logger = instantiate(config.logger)  # before the clips: its package may not be installed
    storage.write_json(run_dir / "environment.json", environment())

    pl.seed_everything(config.seed, verbose=False)
    recognizer = Recognizer({part: compose.plain(config[part]) for part in PARTS})
    data = make_data(config, recognizer)
    check_names(data)
    for split in ("train", "val"):
        data.split(split)  # raises if it has no clips
    recognizer.set_vocabulary(data.names)
    chosen_by = [data.datasets[split].index.speakers for split in ("train", "val") if split in data.datasets]
    recognizer.trained_on = provenance.record(set().union(*chosen_by), initial.trained_on if initial else None)
    another = initial is None or _memory(initial) != _memory(recognizer)
    if initial is not None:
        initial = finetune.forward_half(initial, recognizer.parts)
        _inherit(recognizer, initial, config)
    if another and not resume:  # a checkpoint contains the prior
        batches = data.split("train").sample(N_PRIOR_BATCHES, n_processes * config.batch_size)
        recognizer.frontend.fit_cmvn_prior((batch.waveforms, batch.n_samples) for batch in batches)
    return Prepared(config, recognizer, data, logger, checkpoint, initial)


def check_trainer(trainer: Config) -> None:
    """Raise ConfigError for options of Lightning's Trainer that would bypass this project's code or have no effect, and
    for a missing device."""
    if trainer.get("overfit_batches"):  # it replaces the sampler
        raise ConfigError(f"trainer.overfit_batches={trainer.overfit_batches}: use trainer=overfit")
    if (accelerator := trainer.get("accelerator")) in ("gpu", "cuda", "mps") and not torch.accelerator.is_available():
        raise ConfigError(f"trainer.accelerator={accelerator}: torch finds no GPU here: use trainer=cpu")
    if (algorithm := trainer.get("gradient_clip_algorithm") or "norm") != "norm":
        raise ConfigError(
            f"trainer.gradient_clip_algorithm={algorithm}: gradients are clipped by their norm: leave it out"
        )


def _memory(recognizer: Recognizer) -> Any:
    """The one value by which the features, and so their prior, may differ between recognisers whose weights fit."""
    return recognizer.parts["frontend"].get(finetune.MEMORY)


def _inherit(recognizer: Recognizer, initial: Recognizer, config: Config) -> None:
    """Take the weights and the ranking of ``initial`` and, if clips are replayed, add its names to the new ones."""
    recognizer.load_weights(initial.state_dict(), where=config.init)
    recognizer.label_prior, recognizer.phones_weight = initial.label_prior, initial.phones_weight
    if config.replay is not None:  # the replayed clips are a sample, which may lack a name
        there = {recognizer.alphabet.fold(name) for name in recognizer.names}
        recognizer.names += [name for name in initial.names if initial.alphabet.fold(name) not in there]
        recognizer.pronunciations = initial.pronunciations | recognizer.pronunciations
