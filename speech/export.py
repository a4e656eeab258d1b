"""``python -m speech.export``: a run's recogniser as recognizer.onnx and recognizer.int8.onnx, a quarter the size."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from speech.config import command

if TYPE_CHECKING:
    from speech.config.tree import Config


def export(config: Config) -> None:
    from speech.common import escape, runs, storage
    from speech.config import compose
    from speech.evaluation import text
    from speech.evaluation.export import export as export_onnx
    from speech.model.recognizer import Recognizer
    from speech.training.corpora import lists_to_rank, test_data

    path = runs.find_recognizer(config.run, config.runs_dir, "run")
    print(f"run  {escape.printable(path.parent)}")
    recognizer, card = Recognizer.load(path), storage.read_text(path.parent / "model_card.md")
    trained, folder = compose.saved(path.parent, "train"), Path(config.output or path.parent)
    compose.keep_in(trained, config.cache_dir)
    data = test_data(path.parent, trained, recognizer)
    clips = [(clip.name, clip.waveform) for clip in data.test_clips]
    lists = lists_to_rank(data, recognizer.names)
    for name, agreement in export_onnx(recognizer, clips, lists, card, folder).items():
        file = folder / name
        print(f"{escape.printable(file)}  {file.stat().st_size / 1000:.0f} kB: {text.agreement(agreement)}")


def main() -> None:
    command.run("export", export)


if __name__ == "__main__":
    main()
