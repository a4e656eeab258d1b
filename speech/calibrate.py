"""``python -m speech.calibrate recognizer=RUN_DIR [corpus=...]``: what is none of these, learnt anew.

``speech.train`` ends with this. By itself it serves a recogniser that was trained before, and other clips: those of
the microphone, or of the kind of names, that the recogniser will be used with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from speech.config import tree as configs
from speech.training.recalibration import recalibrate

if TYPE_CHECKING:
    pass


def main() -> None:
    configs.run("calibrate", recalibrate)


if __name__ == "__main__":
    main()
