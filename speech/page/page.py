"""The page itself: one HTML file that loads nothing else."""

from __future__ import annotations

import base64
import io
import re
from functools import partial
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import soundfile
from markupsafe import Markup

from speech.audio.files import Waveform
from speech.common import storage
from speech.common.escape import printable_lines
from speech.evaluation import alignment, confusion, figures, format
from speech.evaluation.prediction import Prediction
from speech.monitor.layout import CHARTS
from speech.page import pictures
from speech.page.clips import TestClips, evaluate_clips
from speech.page.run import Moment, Run

N_ALIGNED = 4  # clips whose alignment is drawn
N_CONFUSED = 14  # names of the confusion matrix
N_MOMENTS = 7  # of training, in the table of hypotheses
LOGGED = {  # TensorBoard's pictures that are shown unchanged
    "lattice": "CTC lattice of one clip: the frames of each letter, over training",
    "attribution": "Attribution (gradient x input): what each neuron adds to one clip's loss (red) or takes (blue)",
}


def write(run: Run, n_clips: int, path: Path) -> None:
    """Write ``page`` to ``path``, completely or not at all."""
    html = page(run, n_clips)
    path.parent.mkdir(parents=True, exist_ok=True)
    storage.write_text(path, html)


def page(run: Run, n_clips: int) -> str:
    """The HTML of ``run``, with at most ``n_clips`` misrecognised clips."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=lambda value: printable_lines(value) if type(value) is str else value,  # Markup is our own HTML
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    clips = evaluate_clips(run)
    return environment.get_template("page.html").render(
        run=run,
        report=run.report,
        found=run.report.evaluation,
        format=format,
        evaluation=[
            pictures.svg(partial(figures.alone, panel), title)
            for title, panel in figures.panels(run.report.evaluation).items()
        ],
        caption=figures.caption(run.report.evaluation),
        charts=_charts(run),
        moments=_moments(run),
        logged={LOGGED[tag]: _png(run.pictures[tag]) for tag in LOGGED if tag in run.pictures},
        **(_of_clips(run, clips, n_clips) if isinstance(clips, TestClips) else {"why_no_clips": clips}),
    )


def _charts(run: Run) -> dict[str, dict[str, Markup]]:
    """The charts of TensorBoard's custom scalars, by heading and title."""
    found: dict[str, dict[str, Markup]] = {}
    for heading, charts in CHARTS.items():
        for title, patterns in charts.items():
            shown = {tag: run.curves[tag] for tag in run.curves if any(re.fullmatch(one, tag) for one in patterns)}
            if shown:
                found.setdefault(heading, {})[title] = pictures.svg(partial(pictures.chart, shown), title)
    return found


def _moments(run: Run) -> list[Moment]:
    """Some of the run's moments, from its first to its last."""
    spaced = np.linspace(0, len(run.moments) - 1, N_MOMENTS).astype(int)
    return [run.moments[i] for i in np.unique(spaced)] if run.moments else []


def _of_clips(run: Run, clips: TestClips, n_clips: int) -> dict[str, Any]:
    recognizer = run.recognizer
    names, scores, refs = clips.log_probabilities()
    matrix = confusion.mean_probabilities(scores, refs)
    closeness = (matrix + matrix.T) / 2
    wrong = clips.misrecognised()

    def aligned(one: Prediction) -> Markup:
        waveform = clips.waveforms[one.id]
        title = f"{one.ref}, speaker {one.speaker}: MFCC, and the probability of each letter over time"
        return pictures.svg(lambda: alignment.draw(recognizer, [(one.ref, waveform)]), title)

    return {
        "why_no_clips": "",
        "alignments": [aligned(one) for one in clips.first(N_ALIGNED, run.report.evaluation.featured)],
        "confusion": pictures.svg(lambda: confusion.draw(names, matrix, N_CONFUSED), "confusion of the closest names"),
        "pairs": [(names[i], names[j], closeness[i, j]) for i, j in confusion.closest(closeness, 8)],
        "n_clips": len(clips.predictions),
        "n_wrong": len(wrong),
        "misrecognised": [(one, _wav(clips.waveforms[one.id], recognizer.sample_rate)) for one in wrong[:n_clips]],
    }


def _png(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def _wav(waveform: Waveform, sample_rate: int) -> str:
    file = io.BytesIO()
    soundfile.write(file, waveform, sample_rate, format="WAV", subtype="PCM_16")
    return f"data:audio/wav;base64,{base64.b64encode(file.getvalue()).decode()}"
