"""A run's folder belongs to a single run, and to one training at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from speech.common import runs, storage

RESULTS = "report.json"  # the only result of a training that cannot be resumed: a lesson
STATE = (runs.RECOGNIZER_FILE, "g2p.onnx", "checkpoints/last.ckpt", "last.ckpt")  # what a new run would overwrite
WRITER = "a training or a calibration"  # the possible holders of the lock of a run's folder


@contextmanager
def claimed(run_dir: str | Path, resume: bool) -> Iterator[Path]:
    """Lock the folder ``run_dir``, created if necessary, while a training writes into it.

    Raises FileExistsError if another training holds it or if, without ``resume``, a run or the remains of a run are
    already in it.
    """
    folder = Path(run_dir)
    lock = storage.claim(folder, WRITER)
    try:
        if there := [name for name in STATE if not resume and (folder / name).is_file()]:
            raise FileExistsError(
                f"{folder}: a run exists there ({there[0]}): continue it (resume={folder}), or give another one"
            )
        if not resume and (folder / RESULTS).is_file():
            raise FileExistsError(f"{folder}: results exist there ({RESULTS}): give another run_dir=DIR")
        for place in (folder, folder / "checkpoints"):
            storage.remove_parts(place)
        yield folder
    finally:
        lock.release()
