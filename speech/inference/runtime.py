"""The exported recogniser: one ONNX file that hears, with onnxruntime, numpy and soundfile alone.

    from speech import Runtime
    Runtime("recognizer.int8.onnx").transcribe("clip.wav").letters

The graph takes ``waveforms`` float32 ``(batch, n_samples)``, right-padded with 0, and ``n_samples`` int64 ``(batch,)``;
it gives ``log_probs`` float32 ``(batch, n_frames, n_symbols)``, of the letters and then of the phones if it hears
such, and ``n_frames`` int64 ``(batch,)``, beyond which a clip's frames mean nothing. Its metadata are text:
``format``, ``alphabet``, ``sample_rate`` (Hz), ``samples_per_frame``, ``names`` and ``decoder`` (JSON), ``card``; of
one that hears phones, ``phones`` (each, in the order of the columns), ``ways`` (of saying each name) and
``phones_weight`` (JSON); of one that was calibrated, ``prior``, ``rejection`` (JSON): what ``label_prior`` and
``rejection`` explain. Names that it was not trained for are said as ``espeakng-loader`` has them, if that is
installed; without it, a list with such a name in it is ranked by letters alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from speech.audio.files import Waveform
from speech.common.build import DECODER, build
from speech.common.extras import require
from speech.inference.label_prior import LabelPrior
from speech.inference.rejection import Rejection
from speech.inference.scoring import Frames
from speech.inference.transcriber import RecognizerError, Transcriber
from speech.text.alphabet import Alphabet
from speech.text.phones import Inventory

FORMAT = 1  # of the metadata and the graph's doors; raised when an older reader could not make sense of them


class Runtime(Transcriber):
    """The recogniser that the file ``path`` holds. ``card`` is its model card, in Markdown.

    Raises RecognizerError for a file that is not such a recogniser.
    """

    def __init__(self, path: str | Path) -> None:
        onnxruntime = require("onnxruntime", "runtime")
        path = Path(path)
        if not path.is_file():
            raise RecognizerError(f"{path}: no such recogniser file: python -m speech.export writes one")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # a name is too short to be shared out
        options.log_severity_level = 4  # what is wrong comes as an exception, and once is enough
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has no exception of its own above those that a file can lead it to
            version = onnxruntime.__version__
            reason = f"onnxruntime {version} cannot read it ({error})"
            raise RecognizerError(f"{path}: {reason}: export it again, or install a newer onnxruntime") from error
        metadata = self._session.get_modelmeta().custom_metadata_map
        if "alphabet" not in metadata:
            raise RecognizerError(f"{path}: an ONNX file, but no recogniser: python -m speech.export writes one")
        if metadata.get("format") != str(FORMAT):
            found = metadata.get("format")
            raise RecognizerError(f"{path}: format {found}, this version reads {FORMAT}: export it again")
        try:
            self._load_metadata(metadata)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RecognizerError(f"{path}: made by another version, or changed ({error}): export it again") from error

    def _load_metadata(self, metadata: Mapping[str, str]) -> None:
        """What the file says of itself. Raises whatever comes of metadata that are not those of ``FORMAT``."""
        self.alphabet = Alphabet(metadata["alphabet"])
        self.names = list(map(str, json.loads(metadata["names"])))
        self.decoder = build(json.loads(metadata["decoder"]), DECODER)
        self.card = metadata["card"]
        self.pronunciations = {}
        if "phones" in metadata:
            self.inventory = Inventory(json.loads(metadata["phones"]))
            self.phones_weight = float(metadata["phones_weight"])
            ways = json.loads(metadata["pronunciations"])
            self.pronunciations = {name: tuple(tuple(way) for way in some) for name, some in ways.items()}
        if "label_prior" in metadata:
            self.label_prior = LabelPrior(**json.loads(metadata["label_prior"]))
        if "rejection" in metadata:
            self.rejection = Rejection(**json.loads(metadata["rejection"]))
        self._sample_rate = int(metadata["sample_rate"])
        self._samples_per_frame = int(metadata["samples_per_frame"])

    @property
    def sample_rate(self) -> int:
        return self._sample_rate

    @property
    def frame_s(self) -> float:
        return self._samples_per_frame / self._sample_rate

    def log_probs(self, waveform: Waveform) -> Frames:
        doors = {"waveforms": waveform[None], "n_samples": np.array([len(waveform)])}
        log_probs, _ = self._session.run(["log_probs", "n_frames"], doors)
        ends = np.cumsum(self.n_symbols)[:-1]
        return Frames(*np.split(np.asarray(log_probs[0], np.float64), ends, axis=1))
