"""Ranks the list of names for every validation clip of a listed name: it shows which names are confused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytorch_lightning as pl

from speech.data.dataset import Batch
from speech.evaluation import confusion
from speech.inference.scoring import Entry
from speech.monitor.moments import epoch_is_due, is_shown, require_from_1, writer
from speech.training.corpora import lists_to_rank
from speech.training.distributed import gathered
from speech.training.task import Validated


class Ranking(pl.Callback):
    """After epoch ``first_epoch`` and twice, four times, ... as many: ranking takes about a millisecond per clip.

    ``confusion`` is a figure of the ``n_names`` names that are closest to another, ``pairs/<name> <name>`` the
    closeness of the ``n_pairs`` closest pairs (a pair that was once among these is always shown).
    """

    def __init__(self, n_names: int, n_pairs: int, first_epoch: int) -> None:
        require_from_1(self, first_epoch=first_epoch)
        self.n_names, self.n_pairs, self.first_epoch = n_names, n_pairs, first_epoch
        self._scores: list[np.ndarray] = []  # for each clip, log p of every name of the list
        self._refs: list[str] = []
        self._lexicon: dict[str, Entry] = {}  # the entries of the list, by folded name
        self._shown: dict[tuple[int, int], None] = {}

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._scores, self._refs = [], []

    def on_validation_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        if batch.spare or not (epoch_is_due(trainer, self.first_epoch) and is_shown(trainer)):
            return
        validated: Validated = outputs
        recognizer = pl_module.recognizer
        if not self._lexicon:  # the same in every batch
            names = recognizer.lexicon(lists_to_rank(trainer.datamodule, recognizer.names)[0])
            self._lexicon = {recognizer.alphabet.fold(name): entry for name, entry in names.items()}
        entries = list(self._lexicon.values())
        for text, logits, n_frames in zip(batch.texts, validated.logits, validated.n_frames.tolist(), strict=True):
            if text in self._lexicon:
                self._scores.append(recognizer.scores(recognizer.frames(logits[:n_frames]), entries))
                self._refs.append(text)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if not (epoch_is_due(trainer, self.first_epoch) and is_shown(trainer)):
            return
        everyone = gathered((self._scores, self._refs))
        scores = [one for own, _ in everyone for one in own]
        refs = [ref for _, own in everyone for ref in own]
        board, step = writer(trainer), trainer.global_step
        if not scores or board is None:
            return
        names = list(self._lexicon)
        matrix = confusion.mean_probabilities(np.array(scores), np.array(list(map(names.index, refs))))
        board.add_figure("confusion", confusion.draw(names, matrix, self.n_names), step)
        closeness = (matrix + matrix.T) / 2
        self._shown |= dict.fromkeys(confusion.closest(closeness, self.n_pairs))
        for i, j in self._shown:
            board.add_scalar(f"pairs/{names[i]} {names[j]}", closeness[i, j], step)
