"""Runs a lesson in its folder: figures, picture, TensorBoard log."""

from __future__ import annotations

import sys
from typing import Any, Protocol

from speech.backprop.operation import InputError
from speech.common import event_files
from speech.common.escape import printable
from speech.common.storage import write_json
from speech.lessons.result import PICTURE, Place, Result

_EXTRA = ("sklearn", "statsmodels")


class Lesson(Protocol):
    def run(self, place: Place) -> Result: ...


def run(lesson: Lesson, place: Place) -> dict[str, Any]:
    """Run ``lesson`` in ``place``, print its table, and return the content of report.json."""
    try:
        with event_files.written(place.run_dir / "tensorboard"):
            result = lesson.run(place)
    except KeyboardInterrupt:
        print("stopped: the same command starts again from the beginning", file=sys.stderr)
        sys.exit(130)
    except InputError as error:  # the weights have overflowed
        raise ValueError(f"the training diverged ({error}): give a smaller lesson.rate") from error
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in _EXTRA:
            raise
        raise ValueError(f"{error.name} is not installed: pip install 'speech-names[lessons]'") from error
    report = result.report()
    write_json(place.run_dir / "report.json", report)
    print(f"\n{result.table()}\n")
    print(f"gradients within {report['largest_gradient_error']:.0e} of central differences (relative)")
    print(f"picture  {printable(place.run_dir / PICTURE)}\n{printable(place.run_dir)}")
    return report
