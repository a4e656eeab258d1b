"""``python -m speech.train``: from a config to a trained recogniser, its report and its TensorBoard log."""

from __future__ import annotations

import sys

from speech.config import command
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


def _of_a_list(arguments: list[str]) -> list[str]:
    """``arguments``; a list of one's own, without another set-up or start, fine-tunes the recogniser that ships."""
    given = [argument.partition("=")[0] for argument in arguments]
    if "corpus.names" not in given or {"experiment", "init", "resume", "corpus"} & set(given):
        return arguments
    at = given.index("corpus.names")  # beside it: an option's parser wants all overrides in one place
    return [*arguments[:at], "experiment=list", *arguments[at:]]


def main() -> None:
    sys.argv[1:] = _of_a_list(sys.argv[1:])
    command.run("train", _train, resume=lambda config: _train(config, resume=True))


if __name__ == "__main__":
    main()
