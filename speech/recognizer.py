"""The whole recogniser, waveform to transcript, and its one file on disk.

A recording passes ``audio.read``, ``endpoint.cut``, the front end, the encoder and a decoder, in training
as in use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from speech import audio, endpoint
from speech.alphabet import Alphabet, distinct
from speech.build import build
from speech.ctc.align import align
from speech.ctc.decode import Symbols
from speech.ctc.score import score
from speech.frontend import Count

FORMAT = 1  # of the file; raised when an older reader could not make sense of it

Clip = str | Path | tuple[ArrayLike, int]


class Span(NamedTuple):
    """When a letter was said, in seconds from the beginning of the recording."""

    letter: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Transcript:
    """What was heard: the letters, the names of the list with their probabilities (best first), each letter's time."""

    letters: str
    names: list[tuple[str, float]]
    spans: list[Span]


class RecognizerError(ValueError):
    """A file that is not a recogniser, or not one that this version can read."""


class Recognizer(nn.Module):
    """Front end, encoder and decoder, made from plain data (``parts``) and the names that they were trained for.

    ``parts`` holds ``alphabet`` (its letters) and the nodes ``frontend``, ``encoder`` and ``decoder``
    (``_target_`` and arguments). Sizes that follow from one another are derived here.
    """

    def __init__(self, parts: Mapping[str, Any], names: Sequence[str] = ()) -> None:
        super().__init__()
        self.parts = dict(parts)
        self.alphabet = Alphabet(parts["alphabet"])
        self.names = list(names)
        self.frontend = build(parts["frontend"])
        self.encoder = build(parts["encoder"], n_features=self.frontend.n_features, n_symbols=len(self.alphabet))
        self.decoder = build(parts["decoder"])

    @property
    def sample_rate(self) -> int:
        rate: int = self.frontend.sample_rate
        return rate

    @property
    def frame_s(self) -> float:
        """Seconds from one frame of logits to the next."""
        step: float = self.frontend.hop_length * self.encoder.stride / self.sample_rate
        return step

    @property
    def n_parameters(self) -> int:
        return sum(p.numel() for p in self.parameters())

    def n_frames(self, n_samples: Count) -> Count:
        """Frames of logits of a clip of ``n_samples``."""
        count: Count = self.encoder.n_frames(self.frontend.n_frames(n_samples))
        return count

    def forward(self, waveforms: Tensor, n_samples: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``(batch, n_frames, n_symbols)`` and ``n_frames`` of waveforms ``(batch, n_samples)``."""
        features, n_frames = self.frontend(waveforms, n_samples)
        logits: Tensor
        logits, n_frames = self.encoder(features, n_frames)
        return logits, n_frames

    @torch.inference_mode()
    def log_probs(self, waveform: NDArray[np.float32]) -> NDArray[np.float64]:
        """Log-probabilities ``(n_frames, n_symbols)`` of one end-pointed waveform ``(n_samples,)``."""
        device = next(self.parameters()).device
        logits, _ = self(torch.from_numpy(waveform)[None].to(device), torch.tensor([len(waveform)], device=device))
        return np.asarray(logits[0].double().log_softmax(dim=1).cpu())

    def lexicon(self, names: Sequence[str]) -> dict[str, Symbols]:
        """The symbols of each of ``names``, made once for many clips. Duplicates are refused; no names give none."""
        return {name: self.alphabet.encode(name) for name in distinct(names, self.alphabet)} if names else {}

    def rank(self, log_probs: NDArray[np.float64], lexicon: Mapping[str, Symbols]) -> list[tuple[str, float]]:
        """The probability of each name of ``lexicon``, given that one of them was said; best first."""
        if not lexicon:
            return []
        names = list(lexicon)
        scores = score(log_probs, list(lexicon.values()))
        if np.isneginf(scores).all():  # a sound too short for any of them
            scores = np.zeros(len(names))
        probabilities = np.exp(scores - scores.max())
        probabilities /= probabilities.sum()
        order = np.argsort(-probabilities, kind="stable")
        return [(names[i], float(probabilities[i])) for i in order]

    def transcribe(self, clip: Clip, names: Sequence[str] | None = None) -> Transcript:
        """What is heard in ``clip``: a path, or a waveform with its rate in Hz, ``(samples, rate)``.

        ``names`` to choose from; without them the names that the recogniser was trained for.
        Raises AudioError for a clip that cannot be used, NoSpeechError for silence, TextError for an unwritable name.
        """
        if isinstance(clip, tuple):
            waveform = audio.to_waveform(*clip, sample_rate=self.sample_rate)
        else:
            waveform = audio.read(clip, self.sample_rate)
        waveform, start_s = endpoint.cut(waveform, self.sample_rate)
        training, _ = self.training, self.eval()
        log_probs = self.log_probs(waveform)
        self.train(training)
        lexicon = self.lexicon(self.names if names is None else names)
        symbols = self.decoder(log_probs, list(lexicon.values()))
        letters = self.alphabet.decode(symbols)
        times = align(log_probs, symbols) if symbols else []
        spans = [
            Span(letter, *(max(0.0, start_s + frame * self.frame_s) for frame in (first, last)))
            for letter, (first, last) in zip(letters, times, strict=True)
        ]
        return Transcript(letters, self.rank(log_probs, lexicon), spans)

    def save(self, path: str | Path) -> None:
        """Write everything that transcribing needs to one file of tensors and plain data, whole or not at all."""
        path = Path(path)
        part = path.with_name(f".{path.name}.part")
        content = {"format": FORMAT, "parts": self.parts, "names": self.names, "weights": self.state_dict()}
        torch.save(content, part)
        part.replace(path)

    @classmethod
    def load(cls, path: str | Path) -> Recognizer:
        """Read a recogniser's file. Raises RecognizerError, naming the file and the way out."""
        path = Path(path)
        if not path.is_file():
            raise RecognizerError(f"{path}: no such recogniser file: train one, or give another path")
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises whatever the damaged bytes lead it to
            raise RecognizerError(f"{path}: not a recogniser file ({type(error).__name__}): train it again") from error
        if not isinstance(content, dict) or "parts" not in content:
            raise RecognizerError(f"{path}: not a recogniser file; a run's recogniser is its recognizer.pt")
        if content["format"] != FORMAT:
            raise RecognizerError(f"{path}: format {content['format']}, this version reads {FORMAT}: train it again")
        recognizer = cls(content["parts"], content["names"])
        recognizer.load_weights(content["weights"], where=str(path))
        return recognizer.eval()

    def load_weights(self, weights: Mapping[str, Tensor], where: str) -> None:
        """Take ``weights`` that ``where`` holds. Raises RecognizerError where they are of another shape or alphabet."""
        own = self.state_dict()
        for name, tensor in weights.items():
            if name not in own or own[name].shape != tensor.shape:
                wanted = tuple(own[name].shape) if name in own else "nothing"
                raise RecognizerError(
                    f"{where}: {name} is {tuple(tensor.shape)} where {wanted} is needed: it was made with another "
                    f"alphabet, front end or encoder than this one ({len(self.alphabet)} symbols)"
                )
        self.load_state_dict(weights)
