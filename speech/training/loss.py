"""Where a training step's gradients come from: autograd, or the hand-written backpropagation of the whole recogniser.

Both leave them in each parameter's ``grad``, so that clipping, optimisers and monitors need not know which it was.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from speech.backprop import recognizer as by_hand
from speech.data.augment.spec import feature_mask
from speech.data.dataset import Batch
from speech.model import frontend
from speech.model.ctc_loss import ctc_loss
from speech.model.recognizer import Recognizer


class Losses(NamedTuple):
    """A batch's loss in nats a letter (and a phone), and how many texts have too few frames (they do not count)."""

    loss: Tensor
    n_infeasible: Tensor
    logits: Tensor  # (batch, n_frames, n_symbols): of letters, then of phones
    n_frames: Tensor  # (batch,)


def loss_of(recognizer: Recognizer, batch: Batch) -> Losses:
    """The mean over clips of each one's loss a letter and, of a recogniser that hears phones, that of its loss a phone.

    The corpus refuses clips that cannot hold their text; augmentation can make one that just did too short.
    """
    logits, n_frames = recognizer(batch.waveforms, batch.n_samples, hidden_features(recognizer, batch))
    loss, n_infeasible = logits.new_zeros(()), torch.zeros((), dtype=torch.int64)
    for output, (targets, lengths) in zip(recognizer.split(logits), texts(batch), strict=True):
        losses = ctc_loss(output, n_frames, targets, lengths) / lengths
        feasible = ~losses.isinf()  # NaN is none of the two, and goes on: it is to be seen
        loss = loss + losses[feasible].sum() / max(1, int(feasible.sum()))
        n_infeasible = n_infeasible + (~feasible).sum()
    return Losses(loss, n_infeasible, logits, n_frames)


def texts(batch: Batch) -> list[tuple[Tensor, Tensor]]:
    """What each output is to spell, and how long that is: letters, and phones where the batch has them."""
    found = [(batch.targets, batch.n_letters)]
    if batch.phones is not None and batch.n_phones is not None:
        found.append((batch.phones, batch.n_phones))
    return found


def geometry_of(recognizer: Recognizer) -> by_hand.Geometry:
    """What the hand-written recogniser has to know of ``recognizer`` beside its parameters."""
    front, encoder = recognizer.frontend, recognizer.encoder
    mel = front.spectrum[0] if front.dct is None else front.spectrum.MelSpectrogram
    return by_hand.Geometry(
        pre_emphasis=frontend.PRE_EMPHASIS,
        level=front.level,
        window=mel.spectrogram.window,
        hop_length=front.hop_length,
        mel=mel.mel_scale.fb,
        log_floor=frontend.LOG_FLOOR,
        dct=front.dct,
        n_deltas=front.n_deltas,
        prior_mean=front.prior_mean,
        prior_deviation=front.prior_deviation,
        n_prior_frames=front.n_prior_frames,
        least_deviation=frontend.LEAST_DEVIATION,
        stride=encoder.stride,
        padding=encoder.kernel // 2,
        cell=encoder.cell,
        n_layers=len(encoder.forwards),
        bidirectional=len(encoder.backwards) > 0,
    )


def hidden_features(recognizer: Recognizer, batch: Batch) -> Tensor | None:
    """The mask over the front end's features of what ``batch`` shall hide of them; None where it hides nothing."""
    if batch.spans is None:
        return None
    front = recognizer.frontend
    longest = front.n_frames(batch.waveforms.shape[1])
    mask = feature_mask(batch.spans, front.n_frames(batch.n_samples), longest, front.n_features, front.n_deltas)
    return mask.to(batch.waveforms.dtype)
