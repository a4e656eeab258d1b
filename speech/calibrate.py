"""``python -m speech.calibrate recognizer=RUN_DIR [corpus=...]``: fit ranking and rejection to other clips.

``speech.train`` ends with this. By itself it serves for other clips: those of the microphone, or of the kind of names,
that the recogniser will be used with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from speech.config import command

if TYPE_CHECKING:
    from speech.config.tree import Config


def _calibrate(config: Config) -> None:
    from speech.common.escape import printable
    from speech.evaluation import text  # torch takes seconds: a misspelt key is reported before
    from speech.training.recalibration import recalibrate

    path, calibration = recalibrate(config)
    print(f"{text.calibration(calibration)}\n{printable(path)}")


def main() -> None:
    command.run("calibrate", _calibrate)


if __name__ == "__main__":
    main()
