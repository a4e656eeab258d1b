"""``python -m speech.train``: from a config to a trained recogniser, its figures and its TensorBoard log.

RUN_DIR/config.yaml         the composed config
        environment.json    git commit, versions of Python and the packages
        recognizer.pt       the recogniser: this one file is enough to transcribe
        report.json         what it hears in clips of voices that it never met
        model_card.md       both of these in words
        tensorboard/        losses, error rates, gradients, what was heard epoch by epoch
        hypotheses.jsonl         the latter as data
        checkpoints/        best.ckpt, last.ckpt: ``resume=RUN_DIR`` goes on from the last
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from speech.config import tree as configs
from speech.training.run import train

if TYPE_CHECKING:
    from omegaconf import DictConfig


def _train_or_say_how_to_go_on(config: DictConfig, resume: bool = False) -> float:
    from speech.training.interruption import Interrupted

    try:
        return train(config, resume)
    except Interrupted as stopped:
        print(f"stopped, saved in {stopped.checkpoint}; go on with: python -m speech.train resume={config.run_dir}")
        sys.exit(130)


def _resume(arguments: list[str]) -> object:
    run_dir = Path(arguments[0].removeprefix("resume=")).expanduser().resolve()
    if len(arguments) > 1:
        raise configs.ConfigError(f"resume={run_dir} goes on as the run began: leave out {' '.join(arguments[1:])}")
    config = configs.saved(run_dir, "train")
    config.run_dir = str(run_dir)
    return _train_or_say_how_to_go_on(config, resume=True)


def main() -> None:
    arguments = sorted(sys.argv[1:], key=lambda argument: not argument.startswith("resume="))
    if arguments and arguments[0].startswith("resume="):
        configs.explained(lambda: _resume(arguments))
    else:
        configs.run("train", _train_or_say_how_to_go_on)


if __name__ == "__main__":
    main()
