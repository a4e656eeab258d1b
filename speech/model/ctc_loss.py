"""The CTC loss on logits: -log p(text | frames), where p sums over all alignments of the text to the frames."""

from __future__ import annotations

import torch
from torch import Tensor

from speech.text.alphabet import BLANK


def ctc_loss(logits: Tensor, n_frames: Tensor, targets: Tensor, n_letters: Tensor) -> Tensor:
    """Loss of each clip in nats, ``(batch,)``; infinite, with gradient 0, if the clip has too few frames for its text.

    ``logits`` ``(batch, n_frames, n_symbols)``; ``targets`` int64 ``(batch, n_letters)``, padded with any value.
    """
    log_probs = logits.log_softmax(dim=2).transpose(0, 1)
    losses = torch.nn.functional.ctc_loss(
        log_probs, targets, n_frames, n_letters, blank=BLANK, reduction="none", zero_infinity=True
    )
    own = torch.arange(1, targets.shape[1], device=targets.device) < n_letters[:, None]
    repeats = ((targets[:, 1:] == targets[:, :-1]) & own).sum(dim=1)
    return torch.where(n_frames >= n_letters + repeats, losses, torch.inf)
