"""Sound out of what phones and browsers record, M4A, AAC, WebM, MP4: FFmpeg's decoders, by the package PyAV.

It is an extra, since most lists need none of it: ``pip install 'speech-names[media]'``.
"""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from speech.audio.limits import AudioError, check, way_out
from speech.common.extras import require

LACKING_S = 0.2  # of a declared duration, which is rounded, and includes what an encoder adds at either end


def decode(file: BinaryIO, kind: str, where: str) -> tuple[NDArray[np.float32], int]:
    """The samples ``(n, n_channels)`` of the first sound in ``file``, and their rate in Hz.

    ``kind`` is FFmpeg's name of the format: no other is tried, and of no other file or address is anything read.
    Raises AudioError, naming ``where``; also where PyAV is not installed.
    """
    try:
        av = require("av", "media")
    except ModuleNotFoundError as error:
        raise AudioError(f"{where}: {error}; or {way_out(where)}") from error
    parts, n_samples, rate = [], 0, 0
    try:
        file.seek(0)
        with av.open(file, format=kind, metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise AudioError(f"{where}: there is no sound in it")
            stream = container.streams.audio[0]
            if stream.codec_context is None:
                raise ValueError("of a codec that FFmpeg does not know")
            declared_s = _declared_s(container, stream)
            check(where, stream.rate, stream.layout.nb_channels, round(declared_s * stream.rate))
            resampler = av.AudioResampler(format="fltp")
            for frame in container.decode(stream):
                for part in resampler.resample(frame):
                    rate, n_samples = part.sample_rate, n_samples + part.samples
                    check(where, rate, part.layout.nb_channels, n_samples)
                    parts.append(part.to_ndarray())
    except (av.FFmpegError, ValueError, RuntimeError) as error:
        if isinstance(error, AudioError):
            raise
        raise AudioError(
            f"{where}: damaged, or cut off ({getattr(error, 'strerror', error)}): copy it again"
        ) from error
    if not parts:
        raise AudioError(f"{where}: no samples in it: record it again")
    if declared_s - n_samples / rate > LACKING_S:
        raise AudioError(f"{where}: truncated, it has {n_samples / rate:.1f} s of {declared_s:.1f}: copy it again")
    return np.concatenate(parts, axis=1).T, rate


def _declared_s(container: Any, stream: Any) -> float:
    """The duration that the file's header declares of ``stream``; 0 for none, as of what a browser recorded."""
    if container.format.name in ("aac", "amr"):
        return 0.0  # they have no header, and FFmpeg guesses
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    alone = container.format.name.startswith("matroska") and len(container.streams) == 1
    return (container.duration or 0) / 1e6 if alone else 0.0  # in microseconds
