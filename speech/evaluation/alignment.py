"""A picture of the forced alignment: MFCC, the letters' probabilities over time, and each letter's span."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from speech.audio.files import Waveform
from speech.common.escape import escape_mathtext
from speech.inference.align import align
from speech.inference.decode import Greedy
from speech.model.recognizer import Recognizer

SPAN = "#b3261e"


def draw(recognizer: Recognizer, clips: Sequence[tuple[str, Waveform]]) -> Figure:
    """One column for each of ``clips``: its reference, in the alphabet, and its end-pointed waveform."""
    figure = Figure(figsize=(3.6 * len(clips), 4.6), dpi=80)
    panels = figure.subplots(2, len(clips), squeeze=False, sharex="col", height_ratios=[1, 1.3])
    for (above, below), (ref, waveform) in zip(panels.T, clips, strict=True):
        draw_clip(above, below, recognizer, ref, waveform)
    panels[0, 0].set_ylabel("MFCC")
    panels[1, 0].set_ylabel("probability of each letter")
    figure.subplots_adjust(left=0.2 / len(clips), right=0.97, top=0.86, bottom=0.11, hspace=0.06, wspace=0.2)
    return figure


def draw_clip(above: Axes, below: Axes, recognizer: Recognizer, ref: str, waveform: Waveform) -> None:
    """Draw the MFCC above; below, the probabilities of the blank (–) and of the letters of both texts."""
    log_probs = recognizer.log_probs(waveform).letters
    hyp = Greedy()(log_probs)
    features = _features(recognizer, waveform)
    symbols = recognizer.alphabet.encode(ref)
    rows = list(dict.fromkeys([0, *symbols, *hyp]))
    ms = 1000 * recognizer.frame_s
    end = ms * len(log_probs)
    shape: Any = {"aspect": "auto", "interpolation": "nearest"}
    above.imshow(features.T, cmap="RdBu_r", vmin=-3, vmax=3, extent=(0, end, len(features.T), 0), **shape)
    above.set_yticks([])
    title = f"ref “{ref}”, hyp “{recognizer.alphabet.decode(hyp)}”"
    above.set_title(escape_mathtext(title), fontsize=10, pad=14)
    image = np.exp(log_probs[:, rows]).T
    below.imshow(image, cmap="Blues", vmin=0, vmax=1, extent=(0, end, len(rows) - 0.5, -0.5), **shape)
    below.set_yticks(range(len(rows)), ["–", *recognizer.alphabet.decode(rows[1:])])
    below.set_xlabel("ms")
    for symbol, letter, (first, last) in zip(symbols, ref, align(log_probs, symbols), strict=True):
        row = rows.index(symbol)
        below.plot([first * ms, last * ms], [row + 0.4, row + 0.4], color=SPAN, linewidth=2.5, solid_capstyle="butt")
        above.axvspan(first * ms, last * ms, ymax=0.05, color=SPAN)
        above.text((first + last) / 2 * ms, -0.3, letter, ha="center", va="bottom", color=SPAN)


@torch.inference_mode()
def _features(recognizer: Recognizer, waveform: Waveform) -> np.ndarray:
    device = next(recognizer.parameters()).device
    samples = torch.from_numpy(waveform)[None].to(device)
    features, _ = recognizer.frontend(samples, torch.tensor([len(waveform)], device=device))
    return np.asarray(features[0].cpu())
