"""An evaluation in TensorBoard: the picture, and the figures as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from speech.evaluation import report
from speech.evaluation.figures import draw

TAG = "evaluation"


def log(writer: SummaryWriter, found: Mapping[str, Any], step: int = 0) -> None:
    """Write what ``judge.judged`` found, at ``step``."""
    writer.add_figure(TAG, draw(found), step)
    text = f"{report.summary(found)}\n\n{report.by_group(found)}"
    writer.add_text(TAG, "".join(f"    {line}\n" for line in text.splitlines()), step)  # indented: a block of code
