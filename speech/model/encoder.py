"""Feature frames to logits: a strided convolution, recurrent layers, a linear layer.

In: features ``(batch, n_frames, n_features)``, 0 beyond each clip's frames, and ``n_frames`` int64 ``(batch,)``.
Out: logits ``(batch, n_frames', n_symbols)``, 0 beyond each clip's frames, and ``n_frames'`` (one in ``stride``).

Both directions of a recurrent layer (Schuster and Paliwal 1997) run over plain padded tensors, which is about
twice as fast as packed sequences. The backward direction reads each clip reversed *within its own length*, so that in
both directions the padding comes last and no valid frame follows it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from speech.backprop.autograd import by_hand
from speech.backprop.frames import ReverseWithinLength, frame_mask
from speech.backprop.recurrent import CELLS as MANUAL_CELLS
from speech.backprop.recurrent import Layer
from speech.common.ranges import checked_count
from speech.model.frontend import Count

CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class Encoder(nn.Module):
    """A convolution over ``kernel`` frames, one in ``stride``, then ``n_layers`` of ``cell``: rnn, gru or lstm.

    A layer has ``n_units`` in each direction. ``dropout`` follows the convolution and each layer. ``n_features`` and
    ``n_symbols`` follow from the front end and the alphabet. Raises ValueError for any other cell, an even kernel or
    a size out of range.

    ``manual_recurrent`` is a training setting and is not saved in a recogniser's file: when gradients are enabled, the
    hand-written recurrent layers of ``speech.backprop`` run with the same weights.
    """

    manual_recurrent = False

    def __init__(
        self,
        n_features: int,
        n_symbols: int,
        cell: str = "gru",
        n_units: int = 96,
        n_layers: int = 2,
        bidirectional: bool = True,
        kernel: int = 5,
        stride: int = 3,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if cell not in CELLS:
            raise ValueError(f"encoder.cell={cell!r} is not one of {', '.join(CELLS)}")
        for key, value, most in (("n_units", n_units, 8192), ("n_layers", n_layers, 64), ("stride", stride, 64)):
            checked_count(f"encoder.{key}", value, 1, most)
        checked_count("encoder.kernel", kernel, 1, 999)
        if kernel % 2 == 0:
            raise ValueError(f"encoder.kernel={kernel} must be odd, to have a middle frame")
        self.cell, self.kernel, self.stride = cell, kernel, stride
        self.convolution = nn.Conv1d(n_features, n_units, kernel, stride, padding=kernel // 2)
        self.normalisation = nn.LayerNorm(n_units)
        self.dropout = nn.Dropout(dropout)
        n_directions = 2 if bidirectional else 1
        sizes = [n_units] + [n_units * n_directions] * (n_layers - 1)
        make = CELLS[cell]
        self.forwards = nn.ModuleList(make(size, n_units, batch_first=True) for size in sizes)
        self.backwards = nn.ModuleList(make(size, n_units, batch_first=True) for size in sizes if bidirectional)
        self.output = nn.Linear(n_units * n_directions, n_symbols)

    def n_frames(self, n_frames: Count) -> Count:
        """The number of output frames for ``n_frames`` input frames."""
        return (n_frames - 1) // self.stride + 1

    def forward(self, features: Tensor, n_frames: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.convolution(features.transpose(1, 2)).transpose(1, 2)
        hidden = self.dropout(torch.relu(self.normalisation(hidden)))
        n_frames = self.n_frames(n_frames)
        for directions in self.layers():
            hidden = self.dropout(self._recurrent(directions, hidden, n_frames))
        logits = self.output(hidden)
        return logits * frame_mask(n_frames, logits.shape[1])[..., None], n_frames

    @property
    def n_state(self) -> int:
        """The size of the state between ``step`` calls. Raises ValueError for an encoder that needs later frames."""
        if len(self.backwards) or self.cell == "lstm" or self.kernel // 2 >= self.stride:
            raise ValueError(
                "a stream needs encoder.bidirectional=false, encoder.cell=gru or rnn, and encoder.kernel under twice "
                f"encoder.stride: here {self.cell}, kernel={self.kernel}, stride={self.stride}, "
                f"bidirectional={'true' if len(self.backwards) else 'false'}"
            )
        return self.kernel // 2 * self.convolution.in_channels + len(self.forwards) * self.output.in_features

    def step(self, features: Tensor, n_frames: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``forward`` on chunks of streams; also returns the new ``state`` ``(batch, n_state)``, which starts as 0.

        A chunk has a multiple of ``stride`` frames. In a stream's last chunk the frames beyond ``n_frames`` are 0.
        """
        n_tail, n_features = self.kernel // 2, self.convolution.in_channels
        tail, hidden_before = state[:, : n_tail * n_features], state[:, n_tail * n_features :]
        frames = torch.cat([tail.unflatten(1, (n_tail, n_features)), features], dim=1)
        weight, bias = self.convolution.weight, self.convolution.bias
        hidden = nn.functional.conv1d(frames.transpose(1, 2), weight, bias, self.stride).transpose(1, 2)
        hidden = torch.relu(self.normalisation(hidden))
        after = [frames[:, frames.shape[1] - n_tail :].flatten(1)]
        n_frames = self.n_frames(n_frames)
        for directions, start in zip(self.layers(), hidden_before.split(self.output.in_features, dim=1), strict=True):
            hidden = self._recurrent(directions, hidden, n_frames, start)
            after.append(hidden[:, -1])
        logits = self.output(hidden)
        return logits * frame_mask(n_frames, logits.shape[1])[..., None], n_frames, torch.cat(after, dim=1)

    def layers(self) -> list[tuple[nn.Module, ...]]:
        """The recurrent layers, each a tuple of its one or two directions."""
        return list(zip(*filter(len, (self.forwards, self.backwards)), strict=True))

    def _recurrent(
        self, directions: tuple[nn.Module, ...], hidden: Tensor, n_frames: Tensor, start: Tensor | None = None
    ) -> Tensor:
        """A layer's outputs; a layer of one direction may begin with the state ``start`` ``(batch, n_units)``."""
        if self.manual_recurrent and start is None and torch.is_grad_enabled():
            weights = [weight for direction in directions for weight in direction.parameters()]
            with torch.autocast(hidden.device.type, enabled=False):  # in the weights' own precision
                return by_hand(Layer, hidden.to(weights[0].dtype), MANUAL_CELLS[self.cell], n_frames, *weights)
        forwards, *backwards = directions
        outputs = [forwards(hidden, None if start is None else start[None].contiguous())[0]]
        for direction in backwards:
            turned, _ = direction(by_hand(ReverseWithinLength, hidden, n_frames))
            outputs.append(by_hand(ReverseWithinLength, turned, n_frames))
        return torch.cat(outputs, dim=2)
