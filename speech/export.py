"""``python -m speech.export run=RUN_DIR``: the recogniser as one ONNX file that hears, in float32 and in int8.

OUTPUT/recognizer.onnx         the same log-probabilities, transcripts and rankings as the run's own recogniser
       recognizer.int8.onnx    a quarter of the size

Each is compared with the run's recogniser on every test clip of the run before it gets its name: a file that is there
has passed.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from speech.config import tree as configs
from speech.evaluation.parity import LEAST_SAME, NONE_WITHIN, WITHIN, Agreement, ExportError, agreement, predict_each
from speech.training.corpora import test_data

if TYPE_CHECKING:
    from omegaconf import DictConfig


def export(config: DictConfig) -> dict[str, Agreement]:
    """Write both files; returns how each agrees with the run's recogniser.

    Raises ExportError, and leaves neither file behind, where one does not.
    """
    from speech.common import runs, storage
    from speech.common.extras import require
    from speech.inference.runtime import Runtime
    from speech.model import onnx_graph
    from speech.model.recognizer import Recognizer

    onnx = require("onnx", "export")
    path = runs.find_recognizer(config.run, config.runs_dir)
    run = path.parent
    recognizer = Recognizer.load(path)
    trained = configs.saved(run, "train")
    trained.cache_dir = config.cache_dir or trained.cache_dir
    card = storage.read_text(run / "model_card.md")
    data = test_data(run, trained, recognizer)
    waveforms = [clip.waveform for clip in data.test_clips]
    names = recognizer.names or data.listed  # without a list of its own, what the clips themselves say
    model = onnx_graph.to_onnx(recognizer, card)
    ours = predict_each(recognizer, waveforms, names)
    folder = Path(config.output or run)
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        folder / "recognizer.onnx": (model, WITHIN, NONE_WITHIN, 1.0, 1.0),
        folder / "recognizer.int8.onnx": (onnx_graph.quantise(model), math.inf, math.inf, LEAST_SAME, 0.0),
    }
    parts = {file: file.with_name(f".{file.name}.part") for file in files}
    found = {}
    for file in files:
        file.unlink(missing_ok=True)  # of an earlier export: it would pass for this run's
    try:
        for file, (content, within, none_within, transcripts, rankings) in files.items():
            onnx.save(content, parts[file])
            same = found[file.name] = agreement(ours, predict_each(Runtime(parts[file]), waveforms, names))
            enough = same.n_same_transcripts >= transcripts * same.n_clips
            enough &= same.n_same_rankings >= rankings * same.n_clips and same.largest_difference <= within
            enough &= same.largest_none <= none_within
            if not enough:
                raise ExportError(f"{file.name} does not hear what {path} hears: {same}; no file was left")
        for file, part in parts.items():
            part.replace(file)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
    for file in files:
        print(f"{file}  {file.stat().st_size / 1000:.0f} kB: {found[file.name]}")
    return found


def main() -> None:
    configs.run("export", export)


if __name__ == "__main__":
    main()
