"""Grapheme-to-phoneme conversion (G2P) of a word of unknown language: letters to phones, by CTC.

p(phones | letters) is a mixture over varieties (a language, or one of its accents), so that all phones of a
pronunciation belong to the same variety:

    p(phones | letters) = sum over v of p(v | letters) p(phones | letters, v)

The classifier p(v | letters) applies two convolutions over the letters, then takes their mean and maximum.
p(phones | letters, v) is the recogniser's own encoder over the letters' embeddings, each concatenated with the
variety's, with the CTC loss. A letter gives ``frames_per_letter`` frames, since CTC cannot output more phones than
frames (the language embedding follows B. Peters, J. Dehdari and J. van Genabith, "Massively Multilingual Neural
Grapheme-to-Phoneme Conversion", 2017; G2P by CTC: C. Cheng et al., and K. Rao et al., ICASSP 2015).

In: letters int64 ``(batch, n_letters)``, right-padded with 0; their marks ``(batch, n_letters, 2)``; the number of
letters ``(batch,)``. Symbols are those of ``speech.text.spelling``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from speech.backprop.frames import frame_mask
from speech.model.encoder import Encoder
from speech.text.phones import Inventory
from speech.text.spelling import LETTERS, MARKS


@dataclass(frozen=True)
class Shape:
    """The sizes of a model, as given in conf/g2p.yaml."""

    n_embedding: int
    n_language: int
    n_classifier: int
    n_units: int
    n_layers: int
    frames_per_letter: int
    dropout: float


class G2P(nn.Module):
    """Letters to phones in each of ``varieties``. ``prior`` is the proportion of each in training, ``(n_varieties,)``.

    ``letters`` and ``marks`` are the symbols of its input, ``phones`` those of its output.
    """

    def __init__(
        self,
        shape: Shape,
        varieties: Sequence[str],
        prior: Sequence[float],
        letters: str = LETTERS,
        marks: str = MARKS,
        phones: Sequence[str] = tuple(Inventory().phones),
    ) -> None:
        super().__init__()
        self.shape, self.varieties, self.prior = shape, list(varieties), list(prior)
        self.letters, self.marks, self.inventory = letters, marks, Inventory(phones)
        self.letter = nn.Embedding(len(letters) + 1, shape.n_embedding, padding_idx=0)
        self.mark = nn.Embedding(len(marks) + 1, shape.n_embedding, padding_idx=0)
        self.variety = nn.Embedding(len(varieties), shape.n_language)
        n = shape.n_classifier
        self.first = nn.Conv1d(shape.n_embedding, n, 5, padding=2)
        self.second = nn.Conv1d(n, n, 5, padding=2)
        self.dropout = nn.Dropout(shape.dropout)
        self.classifier = nn.Linear(2 * n, len(varieties))
        self.encoder = Encoder(
            n_features=shape.n_embedding + shape.n_language,
            n_symbols=shape.frames_per_letter * len(self.inventory),
            cell="gru",
            n_units=shape.n_units,
            n_layers=shape.n_layers,
            bidirectional=True,
            kernel=3,
            stride=1,
            dropout=shape.dropout,
        )

    def embed(self, letters: Tensor, marks: Tensor) -> Tensor:
        """The letters' embeddings ``(batch, n_letters, n_embedding)``, 0 in the padding."""
        return cast(Tensor, self.letter(letters) + self.mark(marks).sum(dim=2))

    def classify(self, embedded: Tensor, n_letters: Tensor) -> Tensor:
        """Logits of the varieties, ``(batch, n_varieties)``."""
        own = frame_mask(n_letters, embedded.shape[1])[:, None]
        hidden = torch.relu(self.first(embedded.transpose(1, 2))) * own
        hidden = torch.relu(self.second(self.dropout(hidden))) * own  # at least 0: padding never raises the maximum
        mean = hidden.sum(dim=2) / n_letters[:, None]
        return cast(Tensor, self.classifier(self.dropout(torch.cat([mean, hidden.amax(dim=2)], dim=1))))

    def forward(self, embedded: Tensor, n_letters: Tensor, variety: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the phones of each word in its ``variety`` ``(batch,)``: ``(batch, n_frames, n_symbols)``, and the
        number of frames ``(batch,)``.
        """
        beside = self.variety(variety)[:, None].expand(-1, embedded.shape[1], -1)
        own = frame_mask(n_letters, embedded.shape[1])[..., None]
        logits, _ = self.encoder(torch.cat([embedded, beside], dim=2) * own, n_letters)
        n_frames = self.shape.frames_per_letter
        return logits.unflatten(2, (n_frames, len(self.inventory))).flatten(1, 2), n_letters * n_frames

    @property
    def n_parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.parameters())
