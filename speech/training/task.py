"""The Lightning task of training a recogniser: loss, validation and optimiser."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from rapidfuzz.distance import Levenshtein
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from speech.backprop.frames import frame_mask
from speech.config.tree import ConfigError
from speech.data.dataset import Batch
from speech.evaluation.metrics import n_edits
from speech.inference.decode import collapse
from speech.model.recognizer import Recognizer
from speech.text.alphabet import BLANK
from speech.training.autograd import Autograd
from speech.training.distributed import gathered, n_processes, total
from speech.training.loss import loss_of, texts
from speech.training.manual import Manual


class Validated(NamedTuple):
    """A validation batch's results, for the callbacks."""

    logits: Tensor  # (batch, n_frames, n_symbols): letters, then phones
    n_frames: Tensor  # (batch,)
    letters: list[str]  # of the best path of each clip


def best_paths(recognizer: Recognizer, logits: Tensor, n_frames: Tensor) -> list[str]:
    """The letters of each clip's best path; ``logits`` is ``(batch, n_frames, n_symbols)``."""
    return [recognizer.alphabet.decode(symbols) for symbols in _collapsed(recognizer.split(logits)[0], n_frames)]


def _collapsed(output: Tensor, n_frames: Tensor) -> list[list[int]]:
    return [collapse(path[:n].tolist()) for path, n in zip(output.argmax(dim=2), n_frames, strict=True)]


class SpellingTask(pl.LightningModule):
    """Trains ``recognizer``. ``optimizer`` is called with the parameters, ``scheduler`` with it and the step count.

    ``gradients`` is the backend that computes the gradients. Random draws (dropout) depend only on ``seed`` and the
    batch's number, so that an interrupted training continues exactly as it would have. Each of several processes that
    share a batch draws differently.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        optimizer: Callable[..., Optimizer],
        scheduler: Callable[..., LRScheduler],
        gradients: Autograd | Manual,
        seed: int,
    ) -> None:
        super().__init__()
        self.recognizer, self.gradients, self.seed = recognizer, gradients, seed
        self._optimizer, self._scheduler = optimizer, scheduler
        self._sums: defaultdict[str, float] = defaultdict(float)  # sums over the clips of a validation

    def configure_optimizers(self) -> Any:
        try:
            optimizer = self._optimizer(self.recognizer.parameters())
            scheduler = self._scheduler(optimizer, n_steps=int(self.trainer.estimated_stepping_batches))
        except TypeError as error:
            raise ValueError(f"optimizer or scheduler: a value has the wrong type ({error})") from error
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        n = self.trainer.accumulate_grad_batches  # batches per step
        seed = self.seed * 1_000_003 + self.global_step * n + batch_idx % n
        torch.manual_seed(seed * self.trainer.world_size + self.global_rank)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss, n_infeasible, _, _ = self.gradients.forward(self.recognizer, batch)
        n_clips = len(batch.texts)
        if n_processes() > 1:  # the value is for the whole batch, the gradient for this process's part
            own = [loss.detach() / n_processes(), n_infeasible, n_infeasible.new_tensor(0 if batch.spare else n_clips)]
            mean, n_infeasible, n_together = total(torch.stack([one.to(loss) for one in own]))
            loss, n_clips = loss + (mean - loss.detach()), int(n_together)
        self.log("train/infeasible", n_infeasible.float(), batch_size=n_clips, reduce_fx="sum", on_epoch=True)
        self.log("train/loss", loss, batch_size=n_clips, prog_bar=True, on_step=True, on_epoch=True)
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        if self.global_step == self.trainer.max_steps:  # so that validation follows, even in the middle of an epoch
            self.trainer.should_stop = True

    def on_train_epoch_end(self) -> None:
        there = self.trainer.callback_metrics
        for early in self.trainer.early_stopping_callbacks:  # Lightning would wait for the metric forever, silently
            if "val/cer" in there and early.monitor not in there:
                raise ConfigError(
                    f"a callback stops training early by monitor={early.monitor}, which nothing measures: give one of "
                    f"{', '.join(sorted(there))}"
                )

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        self.gradients.backward(loss)

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        if gradient_clip_val:
            self.gradients.clip(self.recognizer.parameters(), float(gradient_clip_val))

    def on_validation_epoch_start(self) -> None:
        self._sums.clear()

    def validation_step(self, batch: Batch, batch_idx: int) -> Any:
        loss, _, logits, n_frames = loss_of(self.recognizer, batch)
        letters_of, *phones_of = self.recognizer.split(logits)
        best = letters_of.argmax(dim=2)
        letters = best_paths(self.recognizer, logits, n_frames)
        if batch.spare:
            return Validated(logits, n_frames, letters)
        sums = self._sums
        sums["loss"] += float(loss) * len(batch.texts)
        sums["frames"] += int(n_frames.sum())
        sums["blank frames"] += int(((best == BLANK) & frame_mask(n_frames, best.shape[1])).sum())
        sums["clips"] += len(batch.texts)
        sums["exact"] += sum(ref == hyp for ref, hyp in zip(batch.texts, letters, strict=True))
        sums["letters"] += sum(map(len, batch.texts))
        sums["letter edits"] += sum(map(n_edits, batch.texts, letters))
        for output, (phones, n_phones) in zip(phones_of, texts(batch)[1:], strict=True):
            refs = [row[:n].tolist() for row, n in zip(phones, n_phones, strict=True)]
            sums["phones"] += int(n_phones.sum())
            sums["phone edits"] += sum(map(Levenshtein.distance, refs, _collapsed(output, n_frames)))
        return Validated(logits, n_frames, letters)

    def on_validation_epoch_end(self) -> None:
        everyone = gathered(self._sums)
        sums = {key: sum(one[key] for one in everyone) for key in set().union(*everyone)}
        self.log("val/loss", sums["loss"] / sums["clips"])
        self.log("val/blank_fraction", sums["blank frames"] / sums["frames"])
        self.log("val/cer", sums["letter edits"] / sums["letters"], prog_bar=True)
        self.log("val/exact_match", sums["exact"] / sums["clips"], prog_bar=True)
        if "phones" in sums:
            self.log("val/phone_error_rate", sums["phone edits"] / sums["phones"], prog_bar=True)
