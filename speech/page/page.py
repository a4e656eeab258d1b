"""The page itself: everything that it shows is inside of the one file."""

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
from speech.evaluation import alignment, confusion, figures
from speech.evaluation.metrics import Prediction
from speech.monitor.layout import CHARTS
from speech.page import pictures
from speech.page.clips import TestClips, evaluate_clips
from speech.page.run import Run

N_ALIGNED = 4  # clips whose alignment is drawn
N_CONFUSED = 14  # names of the confusion matrix
N_MOMENTS = 7  # of training, in the table of what was heard
LOGGED = {  # TensorBoard's pictures that are shown as they are
    "lattice": "How the letters of one clip found their frames",
    "attribution": "What each neuron adds to the error of one clip (red), or takes from it (blue)",
}


def page(run: Run, n_clips: int) -> str:
    """The HTML of ``run``, with at most ``n_clips`` clips that were misheard.

    Raises ValueError for a report that another version wrote.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    clips = evaluate_clips(run)
    shown = {
        "charts": _charts(run),
        "moments": _moments(run),
        "logged": {LOGGED[tag]: _png(run.pictures[tag]) for tag in LOGGED if tag in run.pictures},
        **(_of_clips(run, clips, n_clips) if isinstance(clips, TestClips) else {"why_no_clips": clips}),
    }
    try:  # what is left to be shown is what report.json holds, and its figures are many
        drawn = pictures.svg(lambda: figures.draw(run.report), "right by group") if run.report.get("groups") else ""
        return environment.get_template("page.html").render(run=run, evaluation=drawn, **shown)
    except (jinja2.UndefinedError, AttributeError, KeyError, TypeError) as error:
        where, reason = run.folder / "report.json", f"no {error}" if isinstance(error, KeyError) else error
        raise ValueError(f"{where}: not what this version writes there ({reason}): train again") from error


def _charts(run: Run) -> dict[str, dict[str, Markup]]:
    """Those of TensorBoard's custom scalars, by heading and title."""
    found: dict[str, dict[str, Markup]] = {}
    for heading, charts in CHARTS.items():
        for title, patterns in charts.items():
            shown = {tag: run.curves[tag] for tag in run.curves if any(re.fullmatch(one, tag) for one in patterns)}
            if shown:
                found.setdefault(heading, {})[title] = pictures.svg(partial(pictures.chart, shown), title)
    return found


def _moments(run: Run) -> dict[str, Any]:
    """When the clips were listened to, and what was heard in each; nothing where the run has no hypotheses.jsonl."""
    if not run.heard:
        return {}
    lines = [run.heard[i] for i in np.unique(np.linspace(0, len(run.heard) - 1, N_MOMENTS).astype(int))]
    when = [f"step {line['step']}" if "step" in line else f"epoch {line.get('epoch', '?')}" for line in lines]
    return {
        "when": when,
        "rows": {text: [line["heard"].get(text, "") for line in lines] for text in lines[-1]["heard"]},
    }


def _of_clips(run: Run, clips: TestClips, n_clips: int) -> dict[str, Any]:
    recognizer = run.recognizer
    names = sorted(name for name, _ in clips.heard[0].names)  # folded, as they were ranked
    matrix = confusion.mean_probabilities(*clips.log_probabilities(names))
    closeness = (matrix + matrix.T) / 2
    misheard = clips.misheard()

    def aligned(one: Prediction) -> Markup:
        waveform = clips.waveforms[one.id]
        title = f"{one.text}, said by {one.speaker}: its MFCC, and the probability of each letter over time"
        return pictures.svg(lambda: alignment.draw(recognizer, [(one.text, waveform)]), title)

    return {
        "why_no_clips": "",
        "alignments": [aligned(one) for one in clips.first(N_ALIGNED)],
        "confusion": pictures.svg(lambda: confusion.draw(names, matrix, N_CONFUSED), "confusion of the closest names"),
        "pairs": [(names[i], names[j], closeness[i, j]) for i, j in confusion.closest(closeness, 8)],
        "n_heard": len(clips.heard),
        "n_misheard": len(misheard),
        "errors": [(one, _wav(clips.waveforms[one.id], recognizer.sample_rate)) for one in misheard[:n_clips]],
    }


def _png(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def _wav(waveform: Waveform, sample_rate: int) -> str:
    file = io.BytesIO()
    soundfile.write(file, waveform, sample_rate, format="WAV", subtype="PCM_16")
    return f"data:audio/wav;base64,{base64.b64encode(file.getvalue()).decode()}"
