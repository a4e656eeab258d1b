"""The whole recogniser, waveform to transcript, and its single file on disk.

In training and in use alike, a recording is read, end-pointed, and passed through the front end and the encoder.
``Transcriber``, which the exported recogniser shares, decodes the output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from speech import pretrained
from speech.audio.files import Waveform
from speech.backprop.recognizer import Geometry
from speech.common import storage
from speech.common.build import DECODER, ENCODER, FRONTEND, build
from speech.common.runs import RECOGNIZER_FILE
from speech.common.trust import NotTrustedError
from speech.inference.errors import RecognizerError
from speech.inference.scoring import LogProbs
from speech.inference.streaming import Stream, Windows, whole
from speech.inference.transcriber import Transcriber
from speech.model import frontend, torch_file
from speech.model.encoder import Encoder
from speech.model.frontend import Count
from speech.text import pronunciation
from speech.text.alphabet import Alphabet
from speech.text.phones import PHONES, Inventory
from speech.text.pronunciation import read_pronunciations

PARTS = ("alphabet", "phones", "frontend", "encoder", "decoder")  # the keys of a config that define a recogniser
PLAIN = {"names": list, "phones_weight": float, "trained_on": dict}  # other keys of a file, with their types
FORMAT = 1  # of the file; increased when older versions could not read it


class Recognizer(Transcriber, nn.Module):
    """Front end, encoder and decoder, made from plain data (``parts``) and the names that they are trained for.

    ``parts`` holds ``alphabet`` (its letters), ``phones`` (the phones of its second output: a list, true for all of
    ``text.phones.PHONES``, absent or false for no such output) and the nodes ``frontend``, ``encoder`` and ``decoder``
    (``_target_`` and arguments). Sizes that follow from one another are derived here. If the ``weights`` of a file are
    given, the encoder's sizes are checked against them before its memory is allocated.
    """

    def __init__(
        self, parts: Mapping[str, Any], names: Sequence[str] = (), weights: Mapping[str, Tensor] | None = None
    ) -> None:
        super().__init__()
        self.parts = dict(parts)
        if parts.get("phones") is True:
            self.parts["phones"] = list(PHONES)  # as symbols: a saved file keeps its phones if PHONES changes
        self.alphabet = Alphabet(parts["alphabet"])
        self.inventory = Inventory(self.parts["phones"]) if self.parts.get("phones") else None
        self.set_vocabulary(names)
        self.trained_on: dict[str, list[str]] = {}  # evaluation.provenance.record; empty if unknown
        self.frontend = build(parts["frontend"], FRONTEND)
        sizes = {"n_features": self.frontend.n_features, "n_symbols": sum(self.n_symbols)}
        if weights is not None:
            with torch.device("meta"):
                own = build(parts["encoder"], ENCODER, **sizes).state_dict(prefix="encoder.")
            self._check_weights(own, {name: one for name, one in weights.items() if name.startswith("encoder.")})
        self.encoder = build(parts["encoder"], ENCODER, **sizes)
        self.decoder = build(parts["decoder"], DECODER)

    @property
    def sample_rate(self) -> int:
        rate: int = self.frontend.sample_rate
        return rate

    @property
    def frame_s(self) -> float:
        step: float = self.frontend.hop_length * self.encoder.stride / self.sample_rate
        return step

    @property
    def n_parameters(self) -> int:
        return sum(p.numel() for p in self.parameters())

    def n_frames(self, n_samples: Count) -> Count:
        """The number of frames of logits of a clip of ``n_samples``."""
        count: Count = self.encoder.n_frames(self.frontend.n_frames(n_samples))
        return count

    def forward(
        self, waveforms: Tensor, n_samples: Tensor, feature_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Logits ``(batch, n_frames, n_symbols)``, letters first (``split``), and ``n_frames`` of each clip.

        ``waveforms`` are ``(batch, n_samples)``, right-padded with 0. ``feature_mask``, of the features' shape,
        multiplies them: 0 where training masks one (SpecAugment).
        """
        features, n_frames = self.frontend(waveforms, n_samples)
        if feature_mask is not None:
            features = features * feature_mask
        logits: Tensor
        logits, n_frames = self.encoder(features, n_frames)
        return logits, n_frames

    def step(self, waveforms: Tensor, n_samples: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``forward`` on chunks of streams; also returns the new ``state`` ``(batch, n_state)``, which starts as 0.

        ``FrontEnd.step`` defines a chunk. Its length gives a whole number of frames: 1 + overlap + a multiple of
        ``samples_per_frame``, both of ``windows``.
        """
        n_front: int = self.frontend.n_state
        of_features, of_encoder = state[:, :n_front], state[:, n_front:]
        features, n_frames, of_features = self.frontend.step(waveforms, n_samples, of_features)
        logits, n_frames, of_encoder = self.encoder.step(features, n_frames, of_encoder)
        return logits, n_frames, torch.cat([of_features, of_encoder], dim=1)

    @property
    def streams(self) -> bool:
        """Whether the recogniser can run on a stream, without whole clips."""
        try:
            return self.n_state > 0
        except ValueError:
            return False

    @property
    def n_state(self) -> int:
        """The size of the state between ``step`` calls. Raises ValueError for a recogniser that needs whole clips."""
        if self.frontend.keep is None:
            raise ValueError("a stream needs frontend.n_memory_frames: this front end normalises over a whole clip")
        if not isinstance(self.encoder, Encoder):
            raise ValueError(f"a stream needs an encoder with a step: {type(self.encoder).__name__} needs whole clips")
        n_state: int = self.frontend.n_state + self.encoder.n_state
        return n_state

    @property
    def windows(self) -> Windows:
        front = self.frontend
        overlap = front.window_length - front.hop_length
        return Windows(front.window_length, front.hop_length * self.encoder.stride, overlap)

    def stream(self) -> Stream:
        """Raises ValueError if this recogniser needs whole clips."""
        return Stream(self._stepped, next(self.parameters()).new_zeros(1, self.n_state), self.windows)

    @torch.inference_mode()
    def _stepped(self, waveform: Waveform, n_samples: int, state: Tensor) -> tuple[LogProbs, Tensor]:
        samples = torch.from_numpy(waveform)[None].to(state)
        logits, n_frames, state = self.step(samples, torch.tensor([n_samples], device=state.device), state)
        return _checked(self.frames(logits[0, : n_frames[0]])), state

    def split(self, logits: Tensor) -> tuple[Tensor, ...]:
        """The columns of ``logits`` for letters and, if there is an output for phones, those for phones."""
        return logits.split(self.n_symbols, dim=-1)

    def geometry(self) -> Geometry:
        """The constants and sizes of this recogniser that ``speech.backprop`` needs in addition to its parameters.

        Raises ValueError for a streaming front end or an encoder without a hand-written backward pass.
        """
        front, encoder = self.frontend, self.encoder
        if front.keep is not None:
            raise ValueError("gradients=manual: a running average has no hand-written backward: use gradients=torch")
        if not isinstance(encoder, Encoder):
            kind = type(encoder).__name__
            raise ValueError(f"gradients=manual: {kind} has no hand-written backward pass: use gradients=torch")
        return Geometry(
            pre_emphasis=frontend.PRE_EMPHASIS,
            level=front.level,
            window=front.mel.spectrogram.window,
            hop_length=front.hop_length,
            mel=front.mel.mel_scale.fb,
            log_floor=frontend.LOG_FLOOR,
            dct=front.dct,
            n_deltas=front.n_deltas,
            prior_mean=front.prior_mean,
            prior_deviation=front.prior_deviation,
            n_prior_frames=front.n_prior_frames,
            least_deviation=frontend.LEAST_DEVIATION,
            stride=encoder.stride,
            padding=encoder.kernel // 2,
            cell=encoder.cell,
            n_layers=len(encoder.forwards),
            bidirectional=len(encoder.backwards) > 0,
        )

    @torch.inference_mode()
    def log_probs(self, waveform: Waveform) -> LogProbs:
        if self.streams:
            return whole(self.stream(), waveform)
        device = next(self.parameters()).device
        training, _ = self.training, self.eval()
        logits, _ = self(torch.from_numpy(waveform)[None].to(device), torch.tensor([len(waveform)], device=device))
        self.train(training)
        return _checked(self.frames(logits[0]))

    def frames(self, logits: Tensor) -> LogProbs:
        """The log-probabilities of one clip's logits ``(n_frames, n_symbols)``, in float64."""
        return LogProbs(*(some.double().log_softmax(dim=1).cpu().numpy() for some in self.split(logits)))

    def set_vocabulary(self, names: Sequence[str]) -> None:
        """Set the names that it is trained for, and look up their pronunciations (a ``Name`` has its own)."""
        self.names = list(map(str, names))
        self.pronunciations = {}
        if self.inventory and names:
            self.pronunciations = dict(zip(self.names, pronunciation.pronunciations(names), strict=True))

    def save(self, path: str | Path) -> None:
        """Write all that transcribing needs to one file of tensors and plain data, atomically."""
        content = {"format": FORMAT, "parts": self.parts, "weights": self.state_dict()}
        content |= {key: getattr(self, key) for key in PLAIN}
        content["pronunciations"] = {name: list(map(tuple, some)) for name, some in self.pronunciations.items()}
        storage.write_bytes(Path(path), torch_file.to_bytes(content | self.fitted()))

    @classmethod
    def load(cls, path: str | Path | None = None) -> Recognizer:
        """Read a recogniser from a file or a run's folder; without a path, the one that comes with the package.

        Raises RecognizerError, naming the file and what to do about it.
        """
        path = pretrained.shipped(pretrained.RECOGNIZER) if path is None else Path(path)
        path = path / RECOGNIZER_FILE if path.is_dir() else path
        if not path.is_file():
            raise RecognizerError(f"{path}: no such recogniser file: train one, or give another path")
        try:
            content = torch_file.read(path)
        except torch_file.DamagedError as error:
            raise RecognizerError(
                f"{path}: not a recogniser file ({error}): copy it again, or train it again"
            ) from error
        if "parts" not in content:
            raise RecognizerError(f"{path}: not a recogniser file; a run's recogniser is its recognizer.pt")
        if content.get("format") != FORMAT:
            found = content.get("format")
            raise RecognizerError(f"{path}: format {found}, this version reads {FORMAT}: train it again")
        try:
            torch_file.check_finite(content)
            weights = torch_file.checked_tensors(content["weights"])
            recognizer = cls(content["parts"], weights=weights)
            for key in PLAIN:
                if type(content[key]) is not PLAIN[key]:
                    raise TypeError(f"{key} is not a {PLAIN[key].__name__}")
                setattr(recognizer, key, content[key])
            recognizer.pronunciations = read_pronunciations(content["pronunciations"])
            recognizer.set_fitted(content)
            recognizer.check_plain_data()
        except (RecognizerError, NotTrustedError) as error:
            raise RecognizerError(f"{path}: {error}") from error
        except (AttributeError, KeyError, TypeError, ValueError, RuntimeError, RecursionError) as error:
            raise RecognizerError(f"{path}: made by another version ({error}): train it again") from error
        recognizer.load_weights(weights, where=str(path))
        return recognizer.eval()

    def load_weights(self, weights: Mapping[str, Tensor], where: str) -> None:
        """Load ``weights``. Raises RecognizerError, naming ``where`` they are from, if any is missing or misshapen."""
        try:
            self._check_weights(self.state_dict(), weights)
        except RecognizerError as error:
            raise RecognizerError(f"{where}: {error}") from error
        self.load_state_dict(weights)

    def _check_weights(self, own: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> None:
        """Raise RecognizerError, without a path, unless ``weights`` have the names, shapes and types of ``own``."""
        if missing := [name for name in own if name not in weights]:
            raise RecognizerError(f"no {', '.join(missing)} in it: made by another version; train it again")
        for name, tensor in weights.items():
            if name not in own or (own[name].shape, own[name].dtype) != (tensor.shape, tensor.dtype):
                found, wanted = _shown(tensor), _shown(own[name]) if name in own else "nothing"
                raise RecognizerError(
                    f"{name} is {found} where {wanted} is needed: it was made with another alphabet, phones, front end "
                    f"or encoder than this one ({sum(self.n_symbols)} symbols)"
                )


def _checked(found: LogProbs) -> LogProbs:
    if any(np.isnan(some).any() for some in found.outputs):
        raise RecognizerError("the recogniser's weights give no log-probabilities (NaN): train it again")
    return found


def _shown(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
