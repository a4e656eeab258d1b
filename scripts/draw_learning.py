"""``python scripts/draw_learning.py RUN_DIR PICTURE.png``: how a run learnt to spell, and when it emits each letter.

Above, the hypotheses for the same clips during training; below, one clip's letter probabilities over time.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from speech.audio import endpointing, files
from speech.common.program import explained
from speech.inference.align import align
from speech.model.recognizer import Recognizer
from speech.tts.espeak import Espeak
from speech.tts.voice import Voice

N_ROWS, N_MOMENTS = 8, 7
SPEAKER = Voice("espeak", "en-GB-x-lancs", "klatt6")  # of the default test split


def draw_transcripts(axes: Axes, lines: list[dict[str, Any]]) -> None:
    """A table with a row per name and a column per moment of training; exact matches are green."""
    shown = [*lines[: N_MOMENTS - 1], *lines[N_MOMENTS - 1 :][-1:]]  # most learning happens within the first epoch
    names = list(shown[-1]["hyp"])[:N_ROWS]
    axes.set_axis_off()
    axes.set_xlim(0, len(shown) + 1)
    axes.set_ylim(len(names), -1)
    axes.text(0, -0.5, "ref", weight="bold", va="center")
    for column, line in enumerate(shown, start=1):
        axes.text(column, -0.5, f"step {line['step']}", weight="bold", va="center")
        for row, name in enumerate(names):
            hyp = line["hyp"][name]
            axes.text(column, row + 0.5, hyp or "–", va="center", color="#0a7a32" if hyp == name else "#b3261e")
    for row, name in enumerate(names):
        axes.text(0, row + 0.5, name, va="center")
        axes.axhline(row, color="#dddddd", linewidth=0.6)
    axes.set_title("Hypotheses for the same clips as training goes on", loc="left", fontsize=10)


def draw_alignment(axes: Axes, recognizer: Recognizer, text: str) -> None:
    """The probability of each letter of ``text`` over time, and its span by forced alignment."""
    samples, rate = Espeak().speak(text, SPEAKER, np.random.default_rng(0))
    waveform, _ = endpointing.trim_silence(
        files.to_waveform(samples, rate, recognizer.sample_rate), recognizer.sample_rate
    )
    log_probs = recognizer.log_probs(waveform).letters
    symbols = recognizer.alphabet.encode(text)
    rows = [0, *symbols]
    n_frames, step_ms = len(log_probs), 1000 * recognizer.frame_s
    extent = (0.0, n_frames * step_ms, len(rows) - 0.5, -0.5)
    axes.imshow(np.exp(log_probs[:, rows]).T, aspect="auto", cmap="Blues", vmin=0, vmax=1, extent=extent)
    axes.set_yticks(range(len(rows)), ["blank", *recognizer.alphabet.decode(symbols)])
    for row, (first, last) in enumerate(align(log_probs, symbols), start=1):
        axes.plot([first * step_ms, last * step_ms], [row + 0.42, row + 0.42], color="#b3261e", linewidth=2)
    axes.set_xlabel("ms")
    title = f"“{text}” by {SPEAKER.speaker}, a speaker unseen in training: p(letter), and its span (red)"
    axes.set_title(title, loc="left", fontsize=10)


def draw(run_dir: Path, picture: Path) -> None:
    lines = [json.loads(line) for line in (run_dir / "hypotheses.jsonl").read_text(encoding="utf-8").splitlines()]
    figure = Figure(figsize=(9, 5.6), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=[1.25, 1])
    draw_transcripts(above, lines)
    draw_alignment(below, Recognizer.load(run_dir / "recognizer.pt"), "martin")
    figure.savefig(picture, dpi=110)
    print(picture)


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    explained(lambda: draw(*map(Path, sys.argv[1:])))


if __name__ == "__main__":
    main()
