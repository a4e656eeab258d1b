"""Which names are taken for which: a confusion matrix of those that are confused most."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import pytorch_lightning as pl
from matplotlib.figure import Figure

from speech.corpus.dataset import Batch
from speech.task import Validated


class ConfusionMatrix(pl.Callback):
    """Mean probability of each name for each name's validation clips, drawn for the ``n_names`` closest to another.

    Every ``every_n_epochs`` epochs, since ranking the whole list takes about a millisecond a clip.
    """

    def __init__(self, n_names: int = 12, every_n_epochs: int = 5) -> None:
        self.n_names, self.every_n_epochs = n_names, every_n_epochs
        self._sum: dict[tuple[str, str], float] = {}
        self._clips: dict[str, int] = {}

    def _due(self, trainer: pl.Trainer) -> bool:
        last = trainer.current_epoch + 1 == trainer.max_epochs
        return not trainer.sanity_checking and (last or (trainer.current_epoch + 1) % self.every_n_epochs == 0)

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._sum, self._clips = {}, {}

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        if not self._due(trainer):
            return
        validated: Validated = outputs
        recognizer = pl_module.recognizer
        lexicon = {recognizer.alphabet.fold(name): s for name, s in recognizer.lexicon(recognizer.names).items()}
        log_probs = validated.log_probs.double().cpu().numpy()
        for row, (text, n_frames) in enumerate(zip(batch.texts, validated.n_frames.tolist(), strict=True)):
            self._clips[text] = self._clips.get(text, 0) + 1
            for name, probability in recognizer.rank(log_probs[row, :n_frames], lexicon):
                pair = text, name
                self._sum[pair] = self._sum.get(pair, 0.0) + probability

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if not self._sum or not isinstance(trainer.logger, pl.loggers.TensorBoardLogger):
            return
        names = sorted(self._clips)
        matrix = np.array(
            [[self._sum.get((said, heard), 0.0) / self._clips[said] for heard in names] for said in names]
        )
        trainer.logger.experiment.add_figure("confusion", draw(names, matrix, self.n_names), trainer.current_epoch)


def draw(names: list[str], matrix: np.ndarray, n_names: int) -> Figure:
    """``matrix[i, j]`` is the mean probability of ``names[j]`` where ``names[i]`` was said."""
    apart = matrix * (1 - np.eye(len(names)))
    closeness = np.maximum(apart.max(axis=0), apart.max(axis=1))
    shown = sorted(np.argsort(-closeness, kind="stable")[:n_names])
    with matplotlib.rc_context({"font.size": 8}):
        figure = Figure(figsize=(6, 5.2), layout="constrained")
        axes = figure.subplots()
        part = matrix[np.ix_(shown, shown)]
        image = axes.imshow(part, vmin=0, vmax=1, cmap="Blues")
        labels = [names[i] for i in shown]
        axes.set_xticks(range(len(shown)), labels, rotation=90)
        axes.set_yticks(range(len(shown)), labels)
        axes.set_xlabel("heard")
        axes.set_ylabel("said")
        for i, j in np.argwhere(part >= 0.005):
            axes.text(
                j, i, f"{part[i, j]:.2f}", ha="center", va="center", color="white" if part[i, j] > 0.5 else "black"
            )
        figure.colorbar(image, label="mean probability within the list")
    return figure
