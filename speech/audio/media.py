"""Reads what phones and browsers record (M4A, AAC, WebM, MP4) with FFmpeg's decoders, through the package PyAV.

It is an extra, since most lists do not need it: ``pip install 'speech-names[media]'``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from speech.audio.limits import AudioError, check, way_out
from speech.common.extras import require

LACKING_S = 0.2  # that may be missing of a declared duration, which is rounded and includes an encoder's padding


class Media:
    """The first sound in ``file``; its ``n_declared`` samples are an estimate.

    ``kind`` is FFmpeg's name of the format: no other is tried, and nothing is read from any other file or address.
    Raises AudioError, naming ``where``, also if PyAV is not installed.
    """

    def __init__(self, file: BinaryIO, kind: str, where: str) -> None:
        try:
            self._av = require("av", "media")
        except ModuleNotFoundError as error:
            raise AudioError(f"{where}: {error}; or {way_out(where)}") from error
        self._where, self.dtype = where, kind
        with self._explained():
            file.seek(0)
            container = self._av.open(file, format=kind, metadata_errors="ignore")
            if not container.streams.audio:
                raise AudioError(f"{where}: there is no sound in it")
            stream = container.streams.audio[0]
            if stream.codec_context is None:
                raise ValueError("its codec is unknown to FFmpeg")
            self._declared_s = _declared_s(container, stream)
            self.dtype = stream.codec_context.name
            check(where, stream.rate, stream.layout.nb_channels, 0)
            self._frames = _decoded(container, stream, self._av.AudioResampler(format="fltp"))
            self._first = next(self._frames, None)  # its rate may differ from the header's, as in some AAC
        if self._first is None:
            raise AudioError(f"{where}: no samples in it: record it again")
        self.rate, self.n_channels = self._first.sample_rate, self._first.layout.nb_channels
        self.n_declared = round(self._declared_s * self.rate)

    def blocks(self, length: int) -> Iterator[NDArray[np.float32]]:
        """The samples ``(n, n_channels)`` in the file's own packets, whatever ``length`` is asked for."""
        n_samples = 0
        with self._explained():
            for frame in chain([self._first], self._frames):
                n_samples += frame.samples
                yield frame.to_ndarray().T
        if self._declared_s - n_samples / self.rate > LACKING_S:
            has = f"{n_samples / self.rate:.1f} s of {self._declared_s:.1f}"
            raise AudioError(f"{self._where}: truncated: it has {has}: copy it again")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (self._av.FFmpegError, ValueError, RuntimeError) as error:
            if isinstance(error, AudioError):
                raise
            reason = getattr(error, "strerror", error)
            raise AudioError(f"{self._where}: damaged, or cut off ({reason}): copy it again") from error


def _decoded(container: Any, stream: Any, resampler: Any) -> Iterator[Any]:
    for frame in container.decode(stream):
        yield from resampler.resample(frame)


def _declared_s(container: Any, stream: Any) -> float:
    """The duration that the file's header declares for ``stream``; 0 if none, as in a browser's recordings."""
    if container.format.name in ("aac", "amr"):
        return 0.0  # they have no header, and FFmpeg guesses
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    alone = container.format.name.startswith("matroska") and len(container.streams) == 1
    return (container.duration or 0) / 1e6 if alone else 0.0  # in microseconds
