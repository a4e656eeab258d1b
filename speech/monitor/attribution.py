"""Attribution of one clip's error, as a picture."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from torch import Tensor

from speech.common.escape import escape_mathtext
from speech.data.dataset import Batch
from speech.monitor.clips import first_clips
from speech.monitor.layers import has_diverged
from speech.monitor.moments import epoch_is_due, writer
from speech.training.attribution import ClipBackprop

if TYPE_CHECKING:
    from speech.training.attribution import BackwardPass, ClipBackprop


def draw_contributions(heard: BackwardPass, student: ClipBackprop, text: str) -> Figure:
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
        f"{escape_mathtext(said)}\nWhat each neuron adds to the error (red) or takes from it (blue), frame by frame",
        fontsize=10,
    )
    return figure


def heat(axes: Axes, values: Tensor, step_s: float, colours: str, low: float, high: float) -> AxesImage:
    """An image of ``(n_rows, n_frames)`` over milliseconds, the first row on top."""
    extent = (0.0, 1000 * step_s * values.shape[1], len(values) - 0.5, -0.5)
    return axes.imshow(
        values.numpy(), aspect="auto", cmap=colours, vmin=low, vmax=high, extent=extent, interpolation="nearest"
    )


def name_letters(axes: Axes, student: ClipBackprop, letters: str) -> list[int]:
    """Call the rows of a picture the blank and ``letters``, each once; returns their symbols."""
    shown = sorted(set(letters), key=student.recognizer.alphabet.letters.index)
    axes.set_yticks(range(len(shown) + 1), ["\u2013", *shown])
    return [0, *(student.recognizer.alphabet.letters.index(letter) + 1 for letter in shown)]


class ErrorAttribution(pl.Callback):
    """``share``, of a clip of the first name, after ``first_epoch``, twice, four times, ... as many epochs."""

    def __init__(self, first_epoch: int = 4) -> None:
        self.first_epoch = first_epoch
        self._batch: Batch | None = None

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._batch = first_clips(trainer, 1)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        board = writer(trainer)
        if board is None or not epoch_is_due(trainer, self.first_epoch) or has_diverged(pl_module):
            return
        assert self._batch is not None
        own = copy.deepcopy(pl_module.recognizer).cpu().eval()  # in float64, which training's must not become
        student, text = ClipBackprop(own, self._batch.waveforms[0].numpy()), self._batch.texts[0]
        board.add_figure("attribution", draw_contributions(student.listen(text), student, text), trainer.global_step)
