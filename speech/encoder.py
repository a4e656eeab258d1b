"""Feature frames to letter logits: a strided convolution, recurrent layers, a linear layer.

In: features ``(batch, n_frames, n_features)``, 0 beyond each clip's frames, and ``n_frames`` int64 ``(batch,)``.
Out: logits ``(batch, n_frames', n_symbols)``, 0 beyond each clip's frames, and ``n_frames'`` (one in ``stride``).

Both directions of a recurrent layer (Schuster and Paliwal 1997) run over plain padded tensors, which is about
twice as fast as packed sequences. The backward one reads each clip reversed *within its own length*: padding then
stands at the end for both, where no counted frame comes after it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from speech.frontend import Count, frame_mask

CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class Encoder(nn.Module):
    """``n_layers`` of ``cell`` (rnn, gru, lstm), ``n_units`` a direction, after a convolution over ``kernel`` frames.

    ``n_features`` and ``n_symbols`` follow from the front end and the alphabet.
    """

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
        if kernel % 2 == 0:
            raise ValueError(f"encoder.kernel={kernel} must be odd, so that a frame is its middle")
        self.kernel, self.stride = kernel, stride
        self.convolution = nn.Conv1d(n_features, n_units, kernel, stride, padding=kernel // 2)
        self.normalisation = nn.LayerNorm(n_units)
        self.dropout = nn.Dropout(dropout)
        n_directions = 2 if bidirectional else 1
        sizes = [n_units] + [n_units * n_directions] * (n_layers - 1)
        self.forwards = nn.ModuleList(CELLS[cell](size, n_units, batch_first=True) for size in sizes)
        self.backwards = nn.ModuleList(
            CELLS[cell](size, n_units, batch_first=True) for size in (sizes if bidirectional else [])
        )
        self.output = nn.Linear(n_units * n_directions, n_symbols)

    def n_frames(self, n_frames: Count) -> Count:
        """Frames that come out for ``n_frames`` that go in."""
        return (n_frames - 1) // self.stride + 1

    def forward(self, features: Tensor, n_frames: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.convolution(features.transpose(1, 2)).transpose(1, 2)
        hidden = self.dropout(torch.relu(self.normalisation(hidden)))
        n_frames = self.n_frames(n_frames)
        for layer, forwards in enumerate(self.forwards):
            outputs = [forwards(hidden)[0]]
            if self.backwards:
                turned, _ = self.backwards[layer](reverse_within_length(hidden, n_frames))
                outputs.append(reverse_within_length(turned, n_frames))
            hidden = self.dropout(torch.cat(outputs, dim=2))
        logits = self.output(hidden)
        return logits * frame_mask(n_frames, logits.shape[1])[..., None], n_frames


def reverse_within_length(frames: Tensor, n_frames: Tensor) -> Tensor:
    """Turn each clip's own frames round and leave the padding where it is; its own inverse."""
    index = torch.arange(frames.shape[1], device=frames.device)[None]
    last = n_frames[:, None] - 1
    reversed_index = torch.where(index <= last, last - index, index)
    return frames.gather(1, reversed_index[..., None].expand_as(frames))
