"""``python -m speech.lesson lesson=NAME``: a small problem, learnt by hand-written gradients without autograd.

RUN_DIR/config.yaml    the composed config
        report.json    the figures by seed, beside those of others; the check of the gradients; seconds
        picture.png    what was learnt
        tensorboard/   loss and figures by epoch, a log for each seed
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from speech.config import tree as configs
from speech.lessons.run import lesson

if TYPE_CHECKING:
    pass


def main() -> None:
    configs.run("lesson", lesson)


if __name__ == "__main__":
    main()
