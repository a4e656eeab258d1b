"""The learning-rate schedule: a linear warm-up, then half a cosine (Loshchilov and Hutter 2017)."""

from __future__ import annotations

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def warmup_cosine(optimizer: Optimizer, n_steps: int, warmup: float, final: float) -> LambdaLR:
    """``warmup`` is the proportion of ``n_steps`` in which the rate rises, ``final`` the ratio of the last rate to the
    highest."""
    n_warmup = max(1, round(warmup * n_steps))

    def factor(step: int) -> float:
        if step < n_warmup:
            return (step + 1) / n_warmup
        progress = min(1.0, (step - n_warmup) / max(1, n_steps - n_warmup))
        return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress))

    return LambdaLR(optimizer, factor)
