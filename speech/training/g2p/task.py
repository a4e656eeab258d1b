"""The Lightning task: the CTC loss of the phones, given the word's variety, and the cross-entropy of the variety."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.optim import Optimizer

from speech.data.pronunciations import COMMON
from speech.data.words import WordBatch, WordBatches
from speech.model.ctc_loss import ctc_loss
from speech.model.g2p import G2P
from speech.training.schedule import warmup_cosine

COMMON_WORD_WEIGHT = 0.3  # in the classifier's loss, since the model is used to classify names


class G2PTask(pl.LightningModule):
    """Trains ``model``. ``make_optimizer`` is called with its parameters.

    ``classifier_weight`` is the weight of the cross-entropy in the loss.
    """

    def __init__(
        self,
        model: G2P,
        make_optimizer: Callable[[Iterable[Any]], Optimizer],
        classifier_weight: float,
        warmup: float,
        words: WordBatches,
    ) -> None:
        super().__init__()
        self.model, self.make_optimizer, self.words = model, make_optimizer, words
        self.classifier_weight, self.warmup = classifier_weight, warmup

    def on_train_epoch_start(self) -> None:
        self.words.epoch = self.current_epoch

    def losses(self, batch: WordBatch) -> tuple[Tensor, Tensor]:
        """The loss of the phones, in nats per phone, and of the variety, in nats per word."""
        embedded = self.model.embed(batch.letters, batch.marks)
        logits, n_frames = self.model(embedded, batch.n_letters, batch.variety)
        phones = ctc_loss(logits, n_frames, batch.targets, batch.n_phones).sum() / batch.n_phones.sum()
        varieties = self.model.classify(embedded, batch.n_letters)
        each = torch.nn.functional.cross_entropy(varieties, batch.variety, reduction="none")
        weight = torch.where(batch.kind == COMMON, COMMON_WORD_WEIGHT, 1.0)
        return phones, (each * weight).sum() / weight.sum()

    def training_step(self, batch: WordBatch, _index: int) -> Tensor:
        phones, variety = self.losses(batch)
        self.log_dict({"train/phones": phones, "train/variety": variety}, batch_size=len(batch.letters))
        return phones + self.classifier_weight * variety

    def validation_step(self, batch: WordBatch, _index: int) -> None:
        phones, variety = self.losses(batch)
        self.log_dict({"val/phones": phones, "val/variety": variety}, batch_size=len(batch.letters))

    def configure_optimizers(self) -> Any:
        optimizer = self.make_optimizer(self.model.parameters())
        schedule = warmup_cosine(optimizer, int(self.trainer.estimated_stepping_batches), self.warmup, final=0.0)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
