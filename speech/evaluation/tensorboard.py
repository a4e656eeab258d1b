"""An evaluation in TensorBoard: a picture, the tables as text, and the overall metrics for comparing runs."""

from __future__ import annotations

from torch.utils.tensorboard import SummaryWriter

from speech.evaluation import text
from speech.evaluation.figures import draw
from speech.evaluation.metrics import Metric
from speech.evaluation.report import EvaluationReport

TAG = "evaluation"


def log(writer: SummaryWriter, report: EvaluationReport, step: int = 0) -> None:
    """Write ``report`` at ``step``."""
    writer.add_figure(TAG, draw(report), step)
    shown = f"{text.summary(report)}\n\n{text.groups(report)}"
    writer.add_text(TAG, "".join(f"    {line}\n" for line in shown.splitlines()), step)  # indented: a block of code


def final(report: EvaluationReport) -> dict[str, float]:
    """The overall metrics by tag, ``final/cer`` ...: the columns of TensorBoard's HParams page."""
    found = vars(report.overall).items()
    return {f"final/{name}": metric.value for name, metric in found if isinstance(metric, Metric)}
