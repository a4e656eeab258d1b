"""``make bench-export``: size, agreement and speed of the exported recogniser, one JSON object per line
(``benchlib.figures``).

``python scripts/benchmark_export.py [RUN_DIR]`` exports a run, by default the newest, compares the files with the run's
recogniser on its test clips, and times the smaller one. ``make bench-people`` compares an exported file with
PocketSphinx.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from benchlib.figures import show
from benchlib.runs import data_of, run_folder
from benchlib.transcription import show_transcription

from speech.common.runs import NEWEST
from speech.evaluation.intervals import wilson
from speech.evaluation.parity import agreement, predict_each
from speech.inference.runtime import Runtime
from speech.model.recognizer import Recognizer
from speech.training.corpora import lists_to_rank

SIZES = {"recognizer.onnx": "", "recognizer.int8.onnx": "under 400"}


def sizes_and_agreement(run_dir: Path, cache_dir: str | None, folder: Path) -> None:
    given = [f"run={run_dir}", f"output={folder}", *([f"cache_dir={cache_dir}"] if cache_dir else [])]
    subprocess.run([sys.executable, "-m", "speech.export", *given], check=True, stdout=subprocess.DEVNULL)
    recognizer = Recognizer.load(run_dir / "recognizer.pt")
    data = data_of(run_dir, recognizer, cache_dir)
    clips = [(clip.name, clip.waveform) for clip in data.test_clips]
    lists = lists_to_rank(data, recognizer.names)
    ours = predict_each(recognizer, clips, lists)
    for file, aim in SIZES.items():
        show(f"size ({file})", (folder / file).stat().st_size / 1000, "kB", aim)
        same = agreement(ours, predict_each(Runtime(folder / file), clips, lists))
        for what, n in (("transcripts", same.n_same_transcripts), ("first_names", same.n_same_first_names)):
            than = f"the run's own recogniser, {same.n_clips} test clips"
            show(f"same_{what} ({file})", n / same.n_clips, "", than, None, wilson(n, same.n_clips))
        show(f"largest_difference ({file})", same.largest_difference, "nats", "log-probabilities of the run's own")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("run", nargs="?", default=NEWEST, help="the folder of a run")
    parser.add_argument("--cache-dir", help="where its clips are, if not in the run's own cache_dir")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sizes_and_agreement(run_folder(given.run), given.cache_dir, folder)
        show_transcription(folder / "recognizer.int8.onnx", folder, "at most 0.002", "under 1", "under 120")


if __name__ == "__main__":
    main()
