"""Pictures of one error: what each neuron contributed, how letters find their frames, where in the sound it lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from torch import Tensor

from speech.backprop.ctc import Ctc
from speech.backprop.recognizer import EachCtc
from speech.ctc.align import align
from speech.lettering import plain

if TYPE_CHECKING:
    from speech.lessons.martin import Heard, Student


def draw_contributions(heard: Heard, student: Student, text: str) -> Figure:
    """Value times gradient of each neuron at each frame, a panel a layer: red adds to the error, blue takes from it."""
    layers = student.layers()
    figure = Figure(figsize=(9, 2.1 * len(layers)), layout="constrained")
    for axes, (step, name) in zip(figure.subplots(len(layers), 1, sharex=True), layers.items(), strict=True):
        share = heard.contributions(step).T
        if step == "logits":
            share = share[name_letters(axes, student, text + heard.letters)]
        largest = float(share.abs().max())
        image = heat(axes, share, student.frame_s(step), "RdBu_r", -largest, largest)
        figure.colorbar(image, ax=axes, pad=0.01)
        axes.set_ylabel(name)
    axes.set_xlabel("ms")
    said = f"\u201c{text}\u201d was said and \u201c{heard.letters}\u201d heard: {heard.loss:.2f} nats a letter"
    figure.suptitle(
        f"{plain(said)}\nWhat each neuron adds to the error (red) or takes from it (blue), frame by frame", fontsize=10
    )
    return figure


def draw_lattices(student: Student, before: Heard, after: Heard, text: str) -> Figure:
    """p(the path is in this state at this frame | the text): how CTC shares out the blame, and what was heard."""
    figure = Figure(figsize=(9, 7), layout="constrained")
    panels = figure.subplots(2, 2, height_ratios=[1, 1.2])
    states = [character for letter in text for character in ("\u2013", letter)] + ["\u2013"]
    for (above, below), heard, when in zip(panels.T, (before, after), ("before", "after"), strict=True):
        step_s = student.frame_s("logits")
        (of_letters, *_), _ = next(step.saved for step in heard.chain.steps if step.operation is EachCtc)
        heat(above, Ctc.occupancy(of_letters)[0].T, step_s, "Blues", 0, 1)
        above.set_yticks(range(len(states)), states)
        above.set_title(plain(f"{when}: where \u201c{text}\u201d would have to be"), fontsize=10)
        shown = name_letters(below, student, text + before.letters)
        heat(below, heard.chain.values["log_probs"][0].exp().T[shown], step_s, "Blues", 0, 1)
        below.set_title(plain(f"{when}: what is heard, \u201c{heard.letters}\u201d"), fontsize=10)
        below.set_xlabel("ms")
    figure.suptitle(
        "Occupancy of the lattice (alpha-beta) and the letters' probabilities; \u2013 is the blank", fontsize=10
    )
    return figure


def draw_sound(student: Student, text: str, wrong: str) -> Figure:
    """Which part of the sound tells ``text`` from ``wrong``: the gradient of the difference of their losses.

    log p(text) - log p(wrong) is positive where the sound speaks for the one; its gradient on a sample or an MFCC
    says how much a change just there would move it.
    """
    totals: dict[str, Tensor] = {}
    for sign, word in ((1.0, wrong), (-1.0, text)):
        chain, loss = student.forward(word)
        _, grads = chain.backward(torch.full_like(loss, sign * len(word)))
        for step in ("input", "features"):
            totals[step] = totals.get(step, torch.zeros(())) + grads[step][0]
    figure = Figure(figsize=(9, 6.5), layout="constrained")
    above, middle, below = figure.subplots(3, 1, sharex=True)
    samples = student.waveform[0].numpy()
    ms = 1000 * np.arange(len(samples)) / student.recognizer.sample_rate
    above.plot(ms, samples / np.abs(samples).max(), color="#888888", linewidth=0.5)
    window = np.hanning(400)
    felt = np.convolve(totals["input"].abs().numpy(), window / window.sum(), mode="same")
    above.plot(ms, felt / felt.max(), color="#b3261e", label="gradient on the waveform (25 ms mean)")
    above.legend(loc="lower right", fontsize=8)
    above.set_yticks([])
    for axes, values, title in (
        (middle, chain.values["features"][0].T, "MFCC"),
        (below, totals["features"].T, "gradient on the MFCC"),
    ):
        largest = float(values.abs().max())
        heat(axes, values, student.frame_s("features"), "RdBu_r", -largest, largest)
        axes.set_ylabel(title)
    below.set_xlabel("ms")
    log_probs = chain.values["log_probs"][0].numpy()
    for letter, (first, last) in zip(text, align(log_probs, student.recognizer.alphabet.encode(text)), strict=True):
        middle_ms = 500 * (first + last) * student.frame_s("logits")
        above.text(middle_ms, 1.08, letter, ha="center", color="#1a5fb4", fontsize=12)
    above.set_ylim(-1.05, 1.3)
    title = (
        f"What tells \u201c{text}\u201d from \u201c{wrong}\u201d, and where \u201c{text}\u201d would have its letters"
    )
    figure.suptitle(plain(title))
    return figure


def heat(axes: Axes, values: Tensor, step_s: float, colours: str, low: float, high: float) -> AxesImage:
    """An image of ``(n_rows, n_frames)`` over milliseconds, the first row on top."""
    extent = (0.0, 1000 * step_s * values.shape[1], len(values) - 0.5, -0.5)
    return axes.imshow(
        values.numpy(), aspect="auto", cmap=colours, vmin=low, vmax=high, extent=extent, interpolation="nearest"
    )


def name_letters(axes: Axes, student: Student, letters: str) -> list[int]:
    """Call the rows of a picture the blank and ``letters``, each once; returns their symbols."""
    shown = sorted(set(letters), key=student.recognizer.alphabet.letters.index)
    axes.set_yticks(range(len(shown) + 1), ["\u2013", *shown])
    return [0, *(student.recognizer.alphabet.letters.index(letter) + 1 for letter in shown)]
