"""``python -m speech.lesson lesson=NAME``: a small problem, trained with hand-written gradients, without autograd.

RUN_DIR/config.yaml    the composed config
        report.json    the figures of each seed and of a baseline, the gradient check, and the seconds taken
        picture.png    the result
        tensorboard/   loss and figures of each epoch, one log per seed
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from speech.config import command

if TYPE_CHECKING:
    from speech.config.tree import Config


def lesson(config: Config) -> None:
    from speech.config import compose
    from speech.config.objects import instantiate
    from speech.lessons.result import Place
    from speech.lessons.run import run
    from speech.training.folder import claimed

    one = instantiate(config.lesson)
    data_dir = None if config.data_dir is None else Path(config.data_dir).expanduser()
    place = Place(Path(config.run_dir), compose.plain(config.seeds), data_dir, Path(config.cache_dir).expanduser())
    with claimed(place.run_dir, resume=False):
        compose.save(config, place.run_dir / "config.yaml", resolve=True)
        run(one, place)


def main() -> None:
    command.run("lesson", lesson)


if __name__ == "__main__":
    main()
