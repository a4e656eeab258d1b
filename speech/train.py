"""``python -m speech.train``: from a config to a trained recogniser, its report and its TensorBoard log."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from speech.config import command
from speech.text.names import check_corpus

if TYPE_CHECKING:
    from speech.config.tree import Config


def _train(config: Config, resume: bool = False) -> float:
    from speech.training.interruption import Interrupted  # torch is slow to import: misspelt keys are reported first
    from speech.training.sweep import train_once, way_on

    try:
        return train_once(config, resume)
    except Interrupted as stopped:
        print(f"{stopped}; continue with: {way_on(config.run_dir)}")
        sys.exit(130)


def _table(folder: str) -> None:
    from speech.evaluation.sweep import summarise

    print(summarise(folder))


def main() -> None:
    command.of_a_list()
    command.run("train", _train, lambda config: _train(config, resume=True), _table, first=check_corpus)


if __name__ == "__main__":
    main()
