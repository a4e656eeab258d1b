"""``make bench``: accuracy, speed and robustness of a run, one JSON object per line (``benchlib.figures``).

``python scripts/benchmark.py [RUN_DIR]`` measures an existing run; without one, ``python -m speech.train`` runs first
(about four minutes).
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from benchlib.figures import show, show_proportion
from benchlib.runs import data_of, read_report, run_folder, train
from benchlib.transcription import show_transcription

from speech.data.dataset import Clip
from speech.model.recognizer import Recognizer

AIMS = {"closed_set_accuracy": "at least 0.99", "exact_match": "at least 0.95", "cer": ""}
N_ROBUST = 300  # clips


def accuracy(run_dir: Path) -> None:
    report = read_report(run_dir)
    for split, scores in report["splits"].items():
        counts = f"{scores['n_clips']} clips, {scores['n_speakers']} speakers"
        for metric, aim in AIMS.items():
            if found := scores.get(metric):
                than = f"{aim}; {counts}" if aim else counts
                show(f"{metric} ({split})", found["value"], "", than, None, [found["low"], found["high"]])
    show("train_seconds", report["train_seconds"], "s", "at most 180")


def robustness(recognizer: Recognizer, clips: list[Clip]) -> None:
    """Is the same name ranked first if the clip is placed in 3 s of silence, and if mains hum is added to all of it?"""
    rate = recognizer.sample_rate
    speakers = []
    same: dict[str, list[bool]] = {"silence": [], "hum of 50 Hz, 20 dB below the speech": []}
    for i in np.random.default_rng(0).permutation(len(clips))[:N_ROBUST]:
        waveform = clips[i].waveform
        speakers.append(clips[i].speaker)
        silence = np.pad(waveform, (rate, 2 * rate))
        hum = np.sin(2 * np.pi * 50 * np.arange(len(silence)) / rate) * np.sqrt(np.mean(waveform**2)) * 0.1
        first = recognizer.transcribe((waveform, rate)).names[0][0]
        for hits, changed in zip(same.values(), (silence, silence + hum), strict=True):
            hits.append(recognizer.transcribe((changed, rate)).names[0][0] == first)
    for kind, hits in same.items():
        show_proportion(f"same_name ({kind})", np.array(hits), speakers, "the clip alone")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if len(sys.argv) > 1:
            run_dir = run_folder(sys.argv[1])
        else:
            run_dir, start = folder / "run", time.perf_counter()
            train(run_dir, [f"cache_dir={folder / 'cache'}"])
            show("make_train", time.perf_counter() - start, "s", "at most 300, after installation, no corpus built")
        accuracy(run_dir)
        file = run_dir / "recognizer.pt"
        recognizer = Recognizer.load(file)
        show("n_parameters", recognizer.n_parameters, "", "under 400000")
        show_transcription(file, folder, "at most 0.005", "under 5", "no aim")
        robustness(recognizer, data_of(run_dir, recognizer).test_clips)


if __name__ == "__main__":
    main()
