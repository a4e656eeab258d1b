"""The curves that belong together, in one chart each: TensorBoard's page CUSTOM SCALARS."""

from __future__ import annotations

import pytorch_lightning as pl

from speech.monitor.moments import writer

# page -> chart -> tags, as regular expressions
CHARTS = {
    "Does it learn?": {
        "loss, nats a letter (and a phone, where phones are learnt)": ["train/loss_epoch", "val/loss"],
        "letters wrong (CER)": ["val/cer"],
        "names spelt without a fault": ["val/letter_perfect"],
        "frames that are blank: at 1 only blanks come out": ["val/blank_fraction"],
    },
    "Does the error reach every layer?": {
        "norm of the gradient": ["gradient/.*"],
        "change over weights, a step": ["update/.*"],
        "learning rate": ["lr-.*"],
    },
    "Which names does it confuse?": {
        "closest pairs": ["pairs/.*"],
        "wrongly accepted = wrongly refused": ["accept/equal_error.*"],
    },
    "Where does the time go?": {"milliseconds a step": ["time/.*"]},
}


class Layout(pl.Callback):
    """Written once, when training begins."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if board := writer(trainer):
            pages = {
                page: {title: ["Multiline", tags] for title, tags in charts.items()} for page, charts in CHARTS.items()
            }
            board.add_custom_scalars(pages)
