"""The loss of a batch: CTC, in nats per letter, plus nats per phone if phones are trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from speech.data.augment.spec import feature_mask
from speech.data.dataset import Batch
from speech.model.ctc_loss import ctc_loss
from speech.model.recognizer import Recognizer


class Losses(NamedTuple):
    loss: Tensor  # (): nats per letter (plus nats per phone)
    n_infeasible: Tensor  # int64 (): number of texts with too few frames, which are left out of the loss
    logits: Tensor  # (batch, n_frames, n_symbols): letters, then phones
    n_frames: Tensor  # int64 (batch,)


def loss_of(
    recognizer: Recognizer, batch: Batch, divisor: Callable[[Tensor], Tensor] = lambda n: n.clamp(min=1)
) -> Losses:
    """The mean over clips of the loss per letter, plus, if phones are trained, that of the loss per phone.

    The corpus refuses clips that are too short for their text; augmentation can make a clip that just fitted too short.
    ``divisor`` gives the number by which the sum over ``n`` clips is divided, which differs if several processes train.
    """
    logits, n_frames = recognizer(batch.waveforms, batch.n_samples, hidden_features(recognizer, batch))
    loss, n_infeasible = logits.new_zeros(()), torch.zeros((), dtype=torch.int64)
    for output, (targets, lengths) in zip(recognizer.split(logits), texts(batch), strict=True):
        losses = ctc_loss(output, n_frames, targets, lengths) / lengths
        if batch.spare:
            losses = losses[:0]
        feasible = ~losses.isinf()  # NaN counts as feasible: it stays in the mean and is noticed
        loss = loss + losses[feasible].sum() / divisor(feasible.sum())
        n_infeasible = n_infeasible + (~feasible).sum()
    return Losses(loss, n_infeasible, logits, n_frames)


def texts(batch: Batch) -> list[tuple[Tensor, Tensor]]:
    """The targets of each output and their lengths: letters, and phones if the batch has them."""
    found = [(batch.targets, batch.n_letters)]
    if batch.phones is not None and batch.n_phones is not None:
        found.append((batch.phones, batch.n_phones))
    return found


def hidden_features(recognizer: Recognizer, batch: Batch) -> Tensor | None:
    """SpecAugment's mask over the front end's features, 0 where one is hidden; None if ``batch`` hides nothing."""
    if batch.spans is None:
        return None
    front = recognizer.frontend
    longest = front.n_frames(batch.waveforms.shape[1])
    mask = feature_mask(batch.spans, front.n_frames(batch.n_samples), longest, front.n_features, front.n_deltas)
    return mask.to(batch.waveforms.dtype)
