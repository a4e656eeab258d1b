"""``python -m speech.export``: a run's recogniser as recognizer.onnx and, a quarter of it, recognizer.int8.onnx."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from speech.config import command, compose

if TYPE_CHECKING:
    from speech.config.tree import Config


def export(config: Config) -> None:
    from speech.common import runs, storage
    from speech.common.escape import printable
    from speech.evaluation import text
    from speech.evaluation.export import export as export_onnx
    from speech.model.recognizer import Recognizer
    from speech.training.corpora import test_data

    path = runs.find_recognizer(config.run, config.runs_dir, "run")
    print(f"run  {printable(path.parent)}")
    recognizer, card = Recognizer.load(path), storage.read_text(path.parent / "model_card.md")
    trained = compose.saved(path.parent, "train")
    trained.cache_dir = config.cache_dir or trained.cache_dir
    data = test_data(path.parent, trained, recognizer)
    waveforms, folder = [clip.waveform for clip in data.test_clips], Path(config.output or path.parent)
    names = recognizer.names or data.listed  # without a list of its own, the names of the clips
    for name, agreement in export_onnx(recognizer, waveforms, names, card, folder).items():
        size = (folder / name).stat().st_size
        print(f"{printable(folder / name)}  {size / 1000:.0f} kB: {text.agreement(agreement)}")


def main() -> None:
    command.run("export", export)


if __name__ == "__main__":
    main()
