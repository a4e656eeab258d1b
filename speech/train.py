"""``python -m speech.train``: from a config to a trained recogniser, its report and its TensorBoard log."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from speech.config import command

if TYPE_CHECKING:
    from speech.config.tree import Config


def _train(config: Config, resume: bool = False) -> float:
    from speech.text.names import check_list

    check_list(config.corpus.get("names"), config.alphabet)
    from speech.training.interruption import Interrupted  # torch is slow to import: misspelt keys are reported first
    from speech.training.sweep import train_once, way_on

    try:
        return train_once(config, resume)
    except Interrupted as stopped:
        print(f"{stopped}; go on with: {way_on(config.run_dir)}")
        sys.exit(130)


def _table(folder: str) -> None:
    from speech.evaluation.sweep import summarise

    print(summarise(folder))


def main() -> None:
    command.of_a_list()
    command.run("train", _train, resume=lambda config: _train(config, resume=True), after_sweep=_table)


if __name__ == "__main__":
    main()
