"""How the network learns the alignment: the occupancy of one clip's CTC lattice in the course of training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from matplotlib.figure import Figure
from torch import Tensor

from speech.backprop.ctc import Ctc
from speech.common.escape import escape_mathtext
from speech.monitor.clips import FirstClips
from speech.monitor.layers import has_diverged
from speech.monitor.moments import early_step_is_due, require_from_1, writer_if_due

N_PANELS = 8


class LatticeOccupancy(FirstClips):
    """``lattice``: p(state at frame | text) of a clip of the first name, one panel for each moment of training so far.

    Moments are the beginning, step ``first_step`` of the first epoch and twice, four times, ... as many, and each
    epoch's end. The figure is drawn after epoch ``first_epoch`` and twice, four times, ... as many. The moments are
    part of a checkpoint, so that a resumed run shows all of them.
    """

    def __init__(self, first_step: int, first_epoch: int) -> None:
        super().__init__(n_clips=1)
        require_from_1(self, first_step=first_step, first_epoch=first_epoch)
        self.first_step, self.first_epoch = first_step, first_epoch
        self._moments: dict[int, Tensor] = {}  # step -> (n_frames, n_states)

    def state_dict(self) -> dict[str, Any]:
        return {"moments": self._moments}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._moments = state_dict["moments"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._keep(trainer, pl_module)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if early_step_is_due(trainer, self.first_step):
            self._keep(trainer, pl_module)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._keep(trainer, pl_module)
        if board := writer_if_due(trainer, self.first_epoch):
            board.add_figure("lattice", draw(self._moments, self.batch.texts[0]), trainer.global_step)

    def _keep(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if has_diverged(pl_module):
            return
        log_probs = torch.from_numpy(pl_module.recognizer.log_probs(self.batch.waveforms[0].numpy()).letters)[None]
        n_frames = torch.tensor([log_probs.shape[1]])
        _, saved = Ctc.forward(log_probs, n_frames, self.batch.targets, self.batch.n_letters)
        self._moments[trainer.global_step] = Ctc.occupancy(saved)[0]


def draw(moments: dict[int, Tensor], text: str) -> Figure:
    """Draw at most ``N_PANELS`` of ``moments``, evenly spread: occupancies ``(n_frames, n_states)`` by step."""
    steps = sorted(moments)
    shown = [steps[i] for i in np.unique(np.linspace(0, len(steps) - 1, N_PANELS).astype(int))]
    states = [character for letter in text for character in ("–", letter)] + ["–"]
    figure = Figure(figsize=(1.3 * max(4, len(shown)) + 0.6, 3.2), dpi=80)
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, step in zip(panels, shown, strict=True):
        axes.imshow(moments[step].T.numpy(), aspect="auto", cmap="Blues", vmin=0, vmax=1)
        axes.set_title(f"step {step}", fontsize=8)
        axes.tick_params(labelsize=7)
    panels[0].set_yticks(range(len(states)), states)
    panels[0].set_xlabel("frame", fontsize=8)
    figure.subplots_adjust(left=0.05, right=0.99, top=0.8, bottom=0.13, wspace=0.1)
    title = f"p(state at frame | “{escape_mathtext(text)}”)"
    figure.suptitle(f"{title}\neach frame adds up to 1; – is the blank", fontsize=9)
    return figure
