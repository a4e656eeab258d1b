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
    from speech.training.interruption import Interrupted  # torch takes seconds: what is misspelt is reported before
    from speech.training.run import train

    try:
        return train(config, resume)
    except Interrupted as stopped:
        print(f"stopped, saved in {stopped.checkpoint}; go on with: python -m speech.train resume={config.run_dir}")
        sys.exit(130)


def _of_a_list() -> None:  # of one's own, which without another set-up or start fine-tunes the recogniser that ships
    given = [argument.partition("=")[0] for argument in sys.argv]
    if "corpus.names" in given and not {"experiment", "init", "resume", "corpus"} & set(given):
        sys.argv.insert(given.index("corpus.names"), "experiment=list")  # a parser wants overrides in one place


def main() -> None:
    _of_a_list()
    command.run("train", _train, resume=lambda config: _train(config, resume=True))


if __name__ == "__main__":
    main()
