"""Pictures of one error: how CTC aligns the letters to the frames, and which part of the sound decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from speech.backprop.ctc import Ctc
from speech.backprop.outputs import EachCtc
from speech.common.escape import escape_mathtext
from speech.inference.align import align
from speech.monitor.attribution import heat, name_letters

if TYPE_CHECKING:
    from speech.training.attribution import BackwardPass, ClipBackprop


def draw_lattices(backprop: ClipBackprop, before: BackwardPass, after: BackwardPass, text: str) -> Figure:
    """p(path is in this state at this frame | text), which shows how CTC weights the frames, and the hypotheses."""
    figure = Figure(figsize=(9, 7), layout="constrained")
    panels = figure.subplots(2, 2, height_ratios=[1, 1.2])
    states = [character for letter in text for character in ("\u2013", letter)] + ["\u2013"]
    for (above, below), one, when in zip(panels.T, (before, after), ("before", "after"), strict=True):
        step_s = backprop.frame_s("logits")
        (of_letters, *_), _ = next(step.saved for step in one.chain.steps if step.operation is EachCtc)
        heat(above, Ctc.occupancy(of_letters)[0].T, step_s, "Blues", 0, 1)
        above.set_yticks(range(len(states)), states)
        above.set_title(escape_mathtext(f"{when}: where \u201c{text}\u201d would have to be"), fontsize=10)
        shown = name_letters(below, backprop, text + before.letters)
        heat(below, one.chain.values["log_probs"][0].exp().T[shown], step_s, "Blues", 0, 1)
        below.set_title(escape_mathtext(f"{when}: hypothesis \u201c{one.letters}\u201d"), fontsize=10)
        below.set_xlabel("ms")
    figure.suptitle(
        "Occupancy of the lattice (alpha-beta) and the letters' probabilities; \u2013 is the blank", fontsize=10
    )
    return figure


def draw_sound(backprop: ClipBackprop, text: str, wrong: str) -> Figure:
    """Which part of the sound distinguishes ``text`` from ``wrong``: the gradient of the difference of their losses.

    The difference is log p(text) - log p(wrong); its gradient shows how much a change of a sample or MFCC affects it.
    """
    totals: dict[str, Tensor] = {}
    for sign, word in ((1.0, wrong), (-1.0, text)):
        chain, loss = backprop.forward(word)
        _, grads = chain.backward(torch.full_like(loss, sign * len(word)))
        for step in ("input", "features"):
            totals[step] = totals.get(step, torch.zeros(())) + grads[step][0]
    figure = Figure(figsize=(9, 6.5), layout="constrained")
    above, middle, below = figure.subplots(3, 1, sharex=True)
    samples = backprop.waveform[0].numpy()
    ms = 1000 * np.arange(len(samples)) / backprop.recognizer.sample_rate
    above.plot(ms, samples / np.abs(samples).max(), color="#888888", linewidth=0.5)
    window = np.hanning(400)
    smooth = np.convolve(totals["input"].abs().numpy(), window / window.sum(), mode="same")
    above.plot(ms, smooth / smooth.max(), color="#b3261e", label="gradient on the waveform (25 ms mean)")
    above.legend(loc="lower right", fontsize=8)
    above.set_yticks([])
    for axes, values, title in (
        (middle, chain.values["features"][0].T, "MFCC"),
        (below, totals["features"].T, "gradient on the MFCC"),
    ):
        largest = float(values.abs().max())
        heat(axes, values, backprop.frame_s("features"), "RdBu_r", -largest, largest)
        axes.set_ylabel(title)
    below.set_xlabel("ms")
    log_probs = chain.values["log_probs"][0].numpy()
    for letter, (first, last) in zip(text, align(log_probs, backprop.recognizer.alphabet.encode(text)), strict=True):
        middle_ms = 500 * (first + last) * backprop.frame_s("logits")
        above.text(middle_ms, 1.08, letter, ha="center", color="#1a5fb4", fontsize=12)
    above.set_ylim(-1.05, 1.3)
    title = (
        f"What tells \u201c{text}\u201d from \u201c{wrong}\u201d, and where \u201c{text}\u201d would have its letters"
    )
    figure.suptitle(escape_mathtext(title))
    return figure
