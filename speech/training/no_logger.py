"""No log at all: ``logger=none``. Some of Lightning's callbacks ask for a logger."""

from __future__ import annotations

from typing import Any

from pytorch_lightning.loggers import Logger


class NoLogger(Logger):
    """Forgets what it is given."""

    name = version = None

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        pass

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        pass
