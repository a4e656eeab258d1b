"""Attribution of one clip's loss to the neurons of each layer, as a picture."""

from __future__ import annotations

import copy
from typing import Any

import pytorch_lightning as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from torch import Tensor

from speech.common.escape import escape_mathtext
from speech.monitor.clips import FirstClips
from speech.monitor.layers import has_diverged
from speech.monitor.moments import require_from_1, writer_if_due
from speech.training.attribution import BLANK_SIGN, BackwardPass, ClipBackprop


class ErrorAttribution(FirstClips):
    """``attribution``, for a clip of the first name, after epoch ``first_epoch`` and twice, four times, ... as many.

    There is none for an encoder from outside this project, nor for a streaming recogniser.
    """

    def __init__(self, first_epoch: int) -> None:
        super().__init__(n_clips=1)
        require_from_1(self, first_epoch=first_epoch)
        self.first_epoch = first_epoch

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        board = writer_if_due(trainer, self.first_epoch)
        if board is None or has_diverged(pl_module):
            return
        recognizer = copy.deepcopy(pl_module.recognizer).cpu().eval()  # a copy, since attribution turns it into float64
        try:
            backprop, text = ClipBackprop(recognizer, self.batch.waveforms[0].numpy()), self.batch.texts[0]
        except ValueError:  # it has no hand-written backward pass, which attribution needs
            return
        board.add_figure(
            "attribution", draw_contributions(backprop.backward(text), backprop, text), trainer.global_step
        )


def draw_contributions(passed: BackwardPass, backprop: ClipBackprop, text: str) -> Figure:
    """Value times gradient of each neuron at each frame, one panel per layer: red adds to the loss, blue lowers it."""
    layers = backprop.layers()
    figure = Figure(figsize=(9, 2.1 * len(layers)), layout="constrained")
    for axes, (step, name) in zip(figure.subplots(len(layers), 1, sharex=True), layers.items(), strict=True):
        contributions = passed.contributions(step).T
        if step == "logits":
            contributions = contributions[name_letters(axes, backprop, text + passed.letters)]
        largest = float(contributions.abs().max())
        image = heat(axes, contributions, backprop.frame_s(step), "RdBu_r", -largest, largest)
        figure.colorbar(image, ax=axes, pad=0.01)
        axes.set_ylabel(name)
    axes.set_xlabel("ms")
    title = escape_mathtext(f"ref “{text}”, hyp “{passed.letters}”: {passed.loss:.2f} nats a letter")
    figure.suptitle(f"{title}\nValue x gradient of each neuron: red adds to the loss, blue takes from it", fontsize=10)
    return figure


def heat(axes: Axes, values: Tensor, step_s: float, colours: str, low: float, high: float) -> AxesImage:
    """An image of ``values`` ``(n_rows, n_frames)`` over milliseconds, with the first row at the top."""
    extent = (0.0, 1000 * step_s * values.shape[1], len(values) - 0.5, -0.5)
    return axes.imshow(
        values.numpy(), aspect="auto", cmap=colours, vmin=low, vmax=high, extent=extent, interpolation="nearest"
    )


def name_letters(axes: Axes, backprop: ClipBackprop, letters: str) -> list[int]:
    """Label the rows of a picture with the blank and ``letters``, each once; returns their symbols."""
    own = backprop.recognizer.alphabet.letters
    shown = sorted(set(letters), key=own.index)
    axes.set_yticks(range(len(shown) + 1), [BLANK_SIGN, *shown])
    return [0, *(own.index(letter) + 1 for letter in shown)]
