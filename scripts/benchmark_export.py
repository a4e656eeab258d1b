"""``make bench-export``: what the exported recogniser costs, one JSON object a line, as ``benchmark.py`` prints them.

``python scripts/benchmark_export.py [RUN_DIR]``, by default the newest run: its files are exported, compared with it on
its test clips, and measured on one thread. With pocketsphinx installed, that hears the same clips, its grammar the same
list of names.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from benchmark import median_seconds, recording, run_folder, show
from grammar import Sphinx
from omegaconf import OmegaConf

from speech.audio.files import Waveform
from speech.config.tree import saved
from speech.evaluation.intervals import wilson
from speech.export import export
from speech.inference.runtime import Runtime
from speech.model.recognizer import Recognizer
from speech.training.corpora import make_data

N_COLD_STARTS = 7
N_HEARD_BY_BOTH = 300  # clips
# Runs a command and tells how much memory it took at most (Linux counts in KiB). From a small process of its own, since
# what a process takes is counted from when it still was a copy of the one that started it.
MEASURE = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)"
MEASURE += "; print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"


def sizes_and_agreement(run_dir: Path, cache_dir: str | None, folder: Path) -> None:
    config = {"run": str(run_dir), "runs_dir": "runs", "output": str(folder), "cache_dir": cache_dir}
    found = export(OmegaConf.create(config))
    for name, bar in (("recognizer.onnx", None), ("recognizer.int8.onnx", 400)):
        than = f"under {bar}" if bar else ""
        show(f"size ({name})", (folder / name).stat().st_size / 1000, "kB", than)
        same = found[name]
        for figure, n in (("transcripts", same.n_same_transcripts), ("first_names", same.n_same_first_names)):
            than = f"the run's own recogniser, {same.n_clips} test clips"
            show(f"same_{figure} ({name})", n / same.n_clips, "", than, interval=wilson(n, same.n_clips))
        show(f"largest_difference ({name})", same.largest_difference, "nats", "log-probabilities of the run's own")


def command(file: Path, clip: Path) -> None:
    """A fresh process each time, from nothing to the first transcript."""
    arguments = [sys.executable, "-m", "speech.transcribe", f"clips={clip}", f"recognizer={file}"]
    seconds = []
    for _ in range(N_COLD_STARTS):
        start = time.perf_counter()
        subprocess.run(arguments, check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    spread = [min(seconds), max(seconds)]
    show("cold_start", float(np.median(seconds)), "s", "under 1, the whole command for one clip", interval=spread)
    measured = subprocess.run([sys.executable, "-c", MEASURE, *arguments], check=True, capture_output=True, text=True)
    show("peak_memory", int(measured.stdout) * 1024 / 1e6, "MB", "under 120, of the same command")


def one_thread(runtime: Runtime, clip: Path, length: float) -> None:
    seconds = median_seconds(lambda: runtime.transcribe(clip))
    than = f"at most 0.002, for a recording of {length:.2f} s, reading it included"
    show("real_time_factor", seconds / length, "s/s", than)
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    names = sorted({"".join(rng.choice(letters, rng.integers(3, 12))) for _ in range(11_000)})[:10_000]
    than = "the same recording, a list of 10 000 names of 3 to 11 letters"
    show("transcribe_10000_names", median_seconds(lambda: runtime.transcribe(clip, names), n=5), "s", than)


def beside_pocketsphinx(runtime: Runtime, clips: list[tuple[str, Waveform]]) -> None:
    """Both choose one of the runtime's names for each of ``clips`` (name, waveform); names without a word are left out.

    The clips are synthetic voices, which the runtime's network has learnt from, and PocketSphinx has not.
    """
    fold = runtime.alphabet.fold
    try:
        sphinx = Sphinx([fold(name) for name in runtime.names])
    except ModuleNotFoundError as error:
        print(error, file=sys.stderr)
        return
    lexicon = runtime.lexicon(sphinx.names)

    def ours(waveform: Waveform) -> str:
        return runtime.rank(runtime.log_probs(waveform), lexicon)[0][0]

    some = [(fold(name), waveform) for name, waveform in clips if fold(name) in sphinx.names]
    right, seconds = {}, {}
    for who, hear in (("ours", ours), ("pocketsphinx", sphinx.transcribe)):
        start = time.perf_counter()
        right[who] = sum(hear(waveform) == name for name, waveform in some)
        seconds[who] = time.perf_counter() - start
    n = len(some)
    for who, than in (("pocketsphinx", ""), ("ours", "pocketsphinx, its grammar the same list")):
        than += f"{', ' * bool(than)}{n} test clips of synthetic voices, {len(sphinx.names)} names, one thread"
        better = right["ours"] / max(1, right["pocketsphinx"]) if who == "ours" else None
        faster = seconds["pocketsphinx"] / seconds["ours"] if who == "ours" else None
        show(f"closed_set_accuracy ({who})", right[who] / n, "", than, better, wilson(right[who], n))
        length = sum(len(waveform) for _, waveform in some) / runtime.sample_rate
        show(f"real_time_factor ({who}, name alone)", seconds[who] / length, "s/s", than, faster)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", nargs="?", default="latest", help="the folder of a run")
    parser.add_argument("--cache-dir", help="where its clips are, if not where the run had them")
    arguments = parser.parse_args()
    run_dir = run_folder(arguments.run)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        sizes_and_agreement(run_dir, arguments.cache_dir, folder)
        clip = folder / "martin.wav"
        length = recording(clip)
        command(folder / "recognizer.int8.onnx", clip)
        runtime = Runtime(folder / "recognizer.int8.onnx")
        one_thread(runtime, clip, length)
        config = saved(run_dir, "train")
        config.cache_dir = arguments.cache_dir or config.cache_dir
        data: Any = make_data(config, Recognizer.load(run_dir / "recognizer.pt"))
        clips = data.test_clips
        chosen = np.random.default_rng(0).permutation(len(clips))[:N_HEARD_BY_BOTH]
        beside_pocketsphinx(runtime, [(clips[i].name, clips[i].waveform) for i in chosen])


if __name__ == "__main__":
    main()
