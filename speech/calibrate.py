"""``python -m speech.calibrate recognizer=RUN_DIR [corpus=...]``: fit ranking and rejection to other clips.

``speech.train`` ends with this step. Run it alone to fit them to clips of the microphone, or the kind of names, that
the recogniser will be used with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from speech.config import command

if TYPE_CHECKING:
    from speech.config.tree import Config


def _calibrate(config: Config) -> None:
    from speech.common.escape import printable
    from speech.evaluation import text  # torch is slow to import: misspelt keys are reported first
    from speech.training.recalibration import recalibrate

    path, calibration = recalibrate(config)
    print(f"{text.calibration(calibration)}\n{printable(path)}")


def main() -> None:
    command.run("calibrate", _calibrate)


if __name__ == "__main__":
    main()
