"""Charts of curves that belong together: TensorBoard's page CUSTOM SCALARS."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from speech.monitor.moments import writer

PHONES = "phone error rate"  # the chart that only runs with phones have
# page -> chart -> tags, as regular expressions
CHARTS = {
    "Does it learn?": {
        "loss, nats a letter (and a phone, where phones are trained)": ["train/loss_epoch", "val/loss"],
        "CER": ["val/cer"],
        PHONES: ["val/phone_error_rate"],
        "exact match": ["val/exact_match"],
        "fraction of blank frames": ["val/blank_fraction"],
    },
    "Does the error reach every layer?": {
        "norm of the gradient": ["gradient/.*"],
        "change over weights, a step": ["update/.*"],
        "learning rate": ["lr-.*"],
    },
    "Which names does it confuse?": {"closest pairs": ["pairs/.*"]},
    "Where does the time go?": {"milliseconds a step": ["time/.*"]},
}


class Layout(pl.Callback):
    """Writes the layout once, when training begins."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if board := writer(trainer):
            left_out = () if pl_module.recognizer.inventory else (PHONES,)
            pages = {
                page: {title: ["Multiline", tags] for title, tags in charts.items() if title not in left_out}
                for page, charts in CHARTS.items()
            }
            board.add_custom_scalars(pages)
