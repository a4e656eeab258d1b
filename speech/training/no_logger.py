"""A logger that logs nothing, for ``logger=none``: some of Lightning's callbacks need a logger."""

from __future__ import annotations

from typing import Any

from pytorch_lightning.loggers import Logger


class NoLogger(Logger):
    """Discards everything."""

    name = version = None

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        pass

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        pass
