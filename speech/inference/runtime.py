"""An exported recogniser: one ONNX file, run by onnxruntime with only numpy and soundfile.

    from speech import Runtime
    Runtime("recognizer.int8.onnx").transcribe("clip.wav").letters

The graph takes ``waveforms`` float32 ``(batch, n_samples)``, right-padded with 0, and ``n_samples`` int64 ``(batch,)``.
It gives ``log_probs`` float32 ``(batch, n_frames, n_symbols)``, the letters' columns and then, if phones were trained,
the phones' columns, and ``n_frames`` int64 ``(batch,)``, beyond which a clip's frames are padding. Its metadata are
text: ``format``, ``alphabet``, ``sample_rate`` (Hz), ``samples_per_frame``, ``names`` and ``decoder`` (JSON), ``card``.
With phones they also have ``phones`` (in the order of the columns), ``pronunciations`` (of each name) and
``phones_weight`` (JSON); if calibrated, ``label_prior`` and ``rejection``; if spotting was fitted, ``confirmation``
(JSON, the fields of ``LabelPrior``, ``Rejection`` and ``Confirmation``).
The graph of a streaming recogniser takes chunks of streams (``streaming.Step``) and a ``state`` float32
``(batch, n_state)``, 0 at a stream's beginning, and gives ``next_state``; its metadata have ``window_length`` and
``overlap`` (samples; ``streaming.Windows``).
Pronunciations of other names come from the grapheme-to-phoneme model in the package.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech import pretrained
from speech.audio.files import Waveform
from speech.common.build import DECODER, build
from speech.common.ranges import checked_count
from speech.common.storage import parse_json
from speech.common.trust import NotTrustedError
from speech.inference.errors import RecognizerError
from speech.inference.scoring import LogProbs
from speech.inference.session import open_session
from speech.inference.streaming import Stream, Windows, whole
from speech.inference.transcriber import FITTED, Transcriber
from speech.text.alphabet import Alphabet
from speech.text.phones import Inventory
from speech.text.pronunciation import read_pronunciations

FLOAT32, INT8 = "recognizer.onnx", "recognizer.int8.onnx"  # what an export writes into a run's folder
FORMAT = 1  # of the metadata, inputs and outputs; raised by a change that an older reader could not read


class Runtime(Transcriber):
    """The recogniser in the file ``path``, or in the export of the run's folder ``path``.

    ``card`` is its model card, in Markdown.

    Raises RecognizerError for a file that is not such a recogniser.
    """

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        if path.is_dir():  # a run's folder
            path = path / (INT8 if (path / INT8).is_file() else FLOAT32)
        self.path = path
        self._finder: Runtime | None = None
        if not path.is_file():
            raise RecognizerError(f"{path}: no such recogniser file: python -m speech.export writes one")
        self._session = open_session(path, "export it again, or install a newer onnxruntime")
        metadata = self._session.get_modelmeta().custom_metadata_map
        if "alphabet" not in metadata:
            raise RecognizerError(f"{path}: an ONNX file, but not a recogniser: python -m speech.export writes one")
        if metadata.get("format") != str(FORMAT):
            found = metadata.get("format")
            raise RecognizerError(f"{path}: format {found}, this version reads {FORMAT}: export it again")
        try:
            self._load_metadata(metadata)
            self.check_plain_data()
        except NotTrustedError as error:
            raise RecognizerError(f"{path}: {error}") from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RecognizerError(f"{path}: made by another version, or changed ({error}): export it again") from error

    @classmethod
    def load(cls, path: str | Path | None = None) -> Runtime:
        """The recogniser in ``path``; without a path, the one that ships with the package."""
        return cls(pretrained.shipped(pretrained.EXPORTED) if path is None else path)

    def _load_metadata(self, metadata: Mapping[str, str]) -> None:
        """Set the fields from ``metadata``. Metadata that do not match ``FORMAT`` may raise any exception."""
        self.alphabet = Alphabet(metadata["alphabet"])
        self.names = parse_json(metadata["names"])
        self.decoder = build(parse_json(metadata["decoder"]), DECODER)
        self.card = metadata["card"]
        self.pronunciations = {}
        if "phones" in metadata:
            self.inventory = Inventory(parse_json(metadata["phones"]))
            self.phones_weight = float(metadata["phones_weight"])
            self.pronunciations = read_pronunciations(parse_json(metadata["pronunciations"]))
        self.set_fitted({name: parse_json(metadata[name]) for name in FITTED if name in metadata})
        self._sample_rate = checked_count("sample_rate", int(metadata["sample_rate"]), 1_000, 384_000)
        per_frame = int(metadata["samples_per_frame"])
        self._samples_per_frame = checked_count("samples_per_frame", per_frame, 1, self._sample_rate)
        self._windows = None
        if "window_length" in metadata:
            window, overlap = (int(metadata[key]) for key in ("window_length", "overlap"))
            checked_count("window_length", window, 1, self._sample_rate)
            self._windows = Windows(window, per_frame, checked_count("overlap", overlap, 0, window))
            (self._n_state,) = (one.shape[1] for one in self._session.get_inputs() if one.name == "state")

    @property
    def sample_rate(self) -> int:
        return self._sample_rate

    @property
    def frame_s(self) -> float:
        return self._samples_per_frame / self._sample_rate

    @property
    def finder(self) -> Runtime | None:
        """The streaming recogniser that ships, which has the same phones; None unless this recogniser ships too."""
        if self._finder is None and self.path == pretrained.FOLDER / pretrained.EXPORTED:
            self._finder = Runtime(pretrained.shipped(pretrained.STREAMING))
        return self._finder

    def log_probs(self, waveform: Waveform) -> LogProbs:
        if self._windows is not None:
            return whole(self.stream(), waveform)
        inputs = {"waveforms": waveform[None], "n_samples": np.array([len(waveform)])}
        return self._checked(*self._session.run(["log_probs"], inputs))

    def stream(self) -> Stream:
        """Raises ValueError if this recogniser needs whole clips."""
        if self._windows is None:
            raise ValueError(f"{self.path}: this recogniser needs whole clips, and cannot process a stream")
        return Stream(self._step, np.zeros((1, self._n_state), np.float32), self._windows)

    def _step(self, waveform: Waveform, n_samples: int, state: NDArray[np.float32]) -> tuple[LogProbs, Any]:
        inputs = {"waveforms": waveform[None], "n_samples": np.array([n_samples]), "state": state}
        log_probs, n_frames, state = self._session.run(["log_probs", "n_frames", "next_state"], inputs)
        return self._checked(log_probs[:, : n_frames[0]]), state

    def _checked(self, log_probs: NDArray[np.float32]) -> LogProbs:
        if log_probs.shape[-1] != sum(self.n_symbols) or np.isnan(log_probs).any():
            raise RecognizerError(f"{self.path}: its graph gives no log-probabilities of its symbols: export it again")
        ends = np.cumsum(self.n_symbols)[:-1]
        return LogProbs(*np.split(np.asarray(log_probs[0], np.float64), ends, axis=1))
