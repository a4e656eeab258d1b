"""Training the grapheme-to-phoneme model: words, fit, export, and the accuracy on the development names.

RUN_DIR/config.yaml      the composed config
        last.ckpt        the state from which resume=RUN_DIR continues
        g2p.onnx         the model, int8, for speech.inference.g2p
        report.json      figures on the development names
        tensorboard/     losses
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from torch.utils.data import DataLoader

from speech.common import event_files, storage
from speech.common.counting import counted
from speech.config import compose
from speech.config.objects import instantiate
from speech.config.tree import ConfigError
from speech.data import pronunciations, words
from speech.data.pronunciations import Pronunciations
from speech.inference.g2p import G2PRuntime
from speech.model import onnx_graph
from speech.model.g2p import G2P
from speech.model.g2p_graph import to_onnx
from speech.training.checkpoint import CheckpointIO
from speech.training.folder import claimed
from speech.training.g2p.credits import CREDITS
from speech.training.g2p.development import report
from speech.training.g2p.task import G2PTask
from speech.training.interruption import SaveOnInterrupt
from speech.training.prepare import check_trainer

N_DEVELOPMENT_BATCHES = 20


def train(config: Any, resume: bool = False) -> dict[str, float]:
    """Train as conf/g2p.yaml says, into ``config.run_dir``; returns the figures of report.json."""
    if config.trainer.get("strategy") is not None:
        raise ConfigError("trainer=ddp: this model is trained in one process: use trainer=cpu or trainer=gpu")
    check_trainer(config.trainer)
    with claimed(config.run_dir, resume) as run_dir:
        if not resume:
            compose.save(config, run_dir / "config.yaml", resolve=True)
        corpus = read_corpus(config)
        model = fit(config, corpus, resume)
        path = run_dir / "g2p.onnx"
        with storage.whole(path) as part:
            onnx_graph.save(onnx_graph.quantise(to_onnx(model, card=CREDITS)), part)
        figures = report(G2PRuntime(path), corpus.development)
        storage.write_json(run_dir / "report.json", figures)
        return figures


def read_corpus(config: Any) -> Pronunciations:
    """The words that ``config`` describes, without those held out."""
    corpus = pronunciations.read(
        pronunciations.varieties_of(compose.plain(config.varieties)),
        config.wikipron,
        pronunciations.held_out_names(config.held_out),
        config.n_development,
        config.model.frames_per_letter,
    )
    refused = ", ".join(f"{n} {why}" for why, n in corpus.refused.items())
    words = counted(len(corpus.train), "word")
    print(f"{words}, {len(corpus.development)} for development; left out: {refused or 'none'}")
    return corpus


def fit(config: Any, corpus: Pronunciations, resume: bool = False) -> G2P:
    """Train a model on ``corpus``; ``resume`` continues from the run's last.ckpt. Raises Interrupted."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    pl.seed_everything(config.seed, verbose=False)
    varieties = pronunciations.varieties_of(compose.plain(config.varieties))
    factors = [variety.weight for variety in varieties]
    names = [variety.name for variety in varieties]
    model = G2P(instantiate(config.model), names, words.prior(corpus.train, factors))
    sizes = {"batch_size": config.batch_size, "seed": config.seed}
    batches = words.WordBatches(
        corpus.train, factors, model.inventory, n_batches=config.batches_per_epoch, unmarked=config.unmarked, **sizes
    )
    development = words.WordBatches(
        corpus.development or corpus.train,
        factors,
        model.inventory,
        n_batches=N_DEVELOPMENT_BATCHES,
        unmarked=0.0,
        **sizes,
    )
    task = G2PTask(model, instantiate(config.optimizer), config.classifier_weight, config.warmup, batches)
    last = Path(config.run_dir) / "last.ckpt"
    logger = pl.loggers.TensorBoardLogger(config.run_dir, name="", version="tensorboard")
    keep = pl.callbacks.ModelCheckpoint(config.run_dir, filename="last", save_top_k=1, enable_version_counter=False)
    callbacks = [keep, SaveOnInterrupt(str(last)), _Progress()]
    trainer = instantiate(
        config.trainer, callbacks=callbacks, logger=logger, plugins=CheckpointIO(), enable_progress_bar=False
    )
    print(f"{model.n_parameters} parameters")
    loaders = [DataLoader(some, batch_size=None) for some in (batches, development)]
    with event_files.written(Path(config.run_dir) / "tensorboard"):
        trainer.fit(task, *loaders, ckpt_path=last if resume and last.is_file() else None, weights_only=True)
    return model.eval()


class _Progress(pl.Callback):
    """Prints one line per epoch."""

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        shown = "  ".join(f"{key} {float(value):.3f}" for key, value in sorted(trainer.callback_metrics.items()))
        print(f"epoch {trainer.current_epoch}  {shown}", flush=True)
