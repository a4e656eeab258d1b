"""Finds the recogniser that a command refers to: a file, a run's folder, or the newest run."""

from __future__ import annotations

from pathlib import Path

from speech import pretrained
from speech.common import storage
from speech.common.ranges import checked_text

RECOGNIZER_FILE = "recognizer.pt"  # written at the end of training: a run's folder without it is unfinished
NEWEST, SHIPPED = "newest", "shipped"
_SWEEP = "sweep_"  # prefix of a sweep's folder: conf/hydra/run.yaml
_N_SHOWN = 5  # skipped runs that a message lists


def find_recognizer(place: str, runs_dir: str | Path, key: str, shipped: str = pretrained.EXPORTED) -> Path:
    """The recogniser's file for the setting ``key=place``, which is a file, a run's folder, ``newest`` or ``shipped``.

    The argument ``shipped`` names the package's own file for ``shipped``, by default the exported one, which needs no
    torch. ``newest`` is the newest run under ``runs_dir`` that was trained from scratch on all of its clips. Runs of a
    sweep, fine-tuned runs and debugging runs have to be named.
    Raises FileNotFoundError if there is none, with the runs that were skipped and why; ValueError for an empty text.
    """
    checked_text(key, place, "a run's folder, or a recogniser's file")
    if place == NEWEST:
        return _newest(Path(runs_dir), key)
    if place == SHIPPED:
        return pretrained.shipped(shipped)
    path = Path(place).expanduser()
    if path.is_file():
        return path
    if (path / RECOGNIZER_FILE).is_file():
        return path / RECOGNIZER_FILE
    if not path.is_dir():
        raise FileNotFoundError(f"{key}={place}: no such file or folder: give a run's folder, or a recogniser's file")
    unfinished = (path / "checkpoints" / "last.ckpt").is_file()
    way_out = f"finish it: python -m speech.train resume={path}" if unfinished else "give the folder of a run"
    raise FileNotFoundError(f"{path}: no {RECOGNIZER_FILE} there: {way_out}")


def find_if_any(place: str | None, runs_dir: str | Path) -> tuple[Path | None, str]:
    """``find_recognizer`` of ``recognizer=place`` for a command that can do without one: None and the reason if
    ``place`` is None or there is no newest run."""
    if place is None:
        return None, "recognizer=null"
    try:
        return find_recognizer(place, runs_dir, "recognizer"), ""
    except FileNotFoundError as error:
        if place != NEWEST:
            raise
        return None, str(error)


def _newest(runs_dir: Path, key: str) -> Path:
    found = sorted(runs_dir.glob(f"**/{RECOGNIZER_FILE}"), key=lambda path: path.stat().st_mtime, reverse=True)
    passed_over = []
    for path in found:
        reason = _why_not_unasked(path, runs_dir)
        if reason is None:
            return path
        passed_over.append(f"{path.parent.relative_to(runs_dir)} ({reason})")
    if not found:
        raise FileNotFoundError(
            f"{key}={NEWEST}: no {RECOGNIZER_FILE} under {runs_dir.resolve()}: train one (python -m speech.train), or "
            f"give {key}=RUN_DIR"
        )
    more = f" and {len(found) - _N_SHOWN} more" if len(found) > _N_SHOWN else ""
    raise FileNotFoundError(
        f"{key}={NEWEST}: no run under {runs_dir.resolve()} is used unless it is named: "
        f"{', '.join(passed_over[:_N_SHOWN])}{more}: give {key}=RUN_DIR, or train one (python -m speech.train)"
    )


def _why_not_unasked(recognizer: Path, runs_dir: Path) -> str | None:
    """The reason why the run of the file ``recognizer`` has to be named; None for a run that ``newest`` may take."""
    import yaml  # not in the runtime wheel, which never looks for the newest run

    if any(folder.startswith(_SWEEP) for folder in recognizer.relative_to(runs_dir).parts):
        return "part of a sweep"
    try:
        config = yaml.safe_load(storage.read_yaml_text(recognizer.parent / "config.yaml"))
        init, trainer = config["init"], config["trainer"]
        limit, few = trainer["limit_train_batches"], trainer.get("fast_dev_run")
        debugging = type(limit) is int or limit < 1  # to Lightning 1 is one batch, and 1.0 all batches
    except (OSError, ValueError, KeyError, TypeError, RecursionError, yaml.YAMLError):
        if not (recognizer.parent / "config.yaml").is_file():
            return "no config.yaml"
        return "a config.yaml of another version, or damaged"
    if init is not None:
        return f"fine-tuned from {init}"
    if few:
        return f"for debugging: trainer.fast_dev_run={few}"
    return f"for debugging: trainer.limit_train_batches={limit}" if debugging else None
