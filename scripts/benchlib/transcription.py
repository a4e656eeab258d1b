"""The cost of transcribing with a recogniser's file, torch or exported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from benchlib.figures import show
from benchlib.timing import median_seconds, side_by_side
from speech.audio import files
from speech.inference.transcriber import Transcriber
from speech.model import loading
from speech.tts.espeak import Espeak
from speech.tts.voice import Voice

RATE = 16_000  # Hz
N_COLD_STARTS = 7
LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))
# Runs a command and prints its peak memory (in KiB on Linux), from a small process of its own: the peak of a process
# includes the time when it was still a copy of the process that started it.
MEASURE = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)"
MEASURE += "; print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"


def write_recording(path: Path) -> float:
    """Write a recording of one name, with 0.75 s of faint noise before and after; returns its length in seconds."""
    samples, rate = Espeak().speak("Martin", Voice("espeak", "en-GB", "m3"), np.random.default_rng(0))
    waveform = np.pad(files.to_waveform(samples, rate, RATE), round(0.75 * RATE))
    waveform += np.random.default_rng(0).normal(scale=1e-3, size=len(waveform)).astype(np.float32)
    files.write(path, waveform, RATE)
    return len(waveform) / RATE


def show_one_thread(transcriber: Transcriber, clip: Path, length: float, aim: str) -> None:
    """Show the time for a clip of ``length`` seconds, including reading the file, and for a long list of names."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    than = f"{aim}, for a recording of {length:.2f} s, one thread"
    show("real_time_factor", median_seconds(lambda: transcriber.transcribe(clip)) / length, "s/s", than)
    rng = np.random.default_rng(0)
    names = sorted({"".join(rng.choice(LETTERS, rng.integers(3, 12))) for _ in range(11_000)})[:10_000]
    seconds = median_seconds(lambda: transcriber.transcribe(clip, names), n=5)
    show("transcribe_10000_names", seconds, "s", "the same recording, names of 3 to 11 letters")
    torch.set_num_threads(n_threads)


def show_command(file: Path, clip: Path, aim_s: str, aim_mb: str) -> None:
    """Show the cost of a fresh process up to its first transcript."""
    command = [sys.executable, "-m", "speech.transcribe", f"clips={clip}", f"recognizer={file}"]
    start = {"": lambda: subprocess.run(command, check=True, capture_output=True)}
    seconds = side_by_side(start, N_COLD_STARTS, n_warm=0)[""]
    than = f"{aim_s}, the whole command for one clip; interval: all of {N_COLD_STARTS}"
    show("cold_start", float(np.median(seconds)), "s", than, None, [min(seconds), max(seconds)])
    measured = subprocess.run([sys.executable, "-c", MEASURE, *command], check=True, capture_output=True, text=True)
    show("peak_memory", int(measured.stdout) * 1024 / 1e6, "MB", f"{aim_mb}, of the same command")


def show_transcription(file: Path, folder: Path, aim_factor: str, aim_s: str, aim_mb: str) -> None:
    """Show all figures, with a recording that is written to ``folder``."""
    clip = folder / "martin.wav"
    length = write_recording(clip)
    show_one_thread(loading.load(file), clip, length, aim_factor)
    show_command(file, clip, aim_s, aim_mb)
