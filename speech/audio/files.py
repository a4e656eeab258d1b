"""Read a clip, mix it to mono, resample it; write one. numpy and soundfile, and soxr where the rate differs.

A waveform is float32 ``(n_samples,)``, mono, in [-1, 1], at ``sample_rate`` Hz.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import ArrayLike, NDArray

from speech.common import storage

Waveform = NDArray[np.float32]

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
LONGEST_S = 60.0  # a name takes one second; the bound is for memory and time
_RATES = (4_000, 384_000)  # Hz: any other is a damaged header


class AudioError(ValueError):
    """A recording that cannot be used; the message names the file, the reason and the way out."""


def read(path: str | Path, sample_rate: int) -> Waveform:
    """Read a WAV, FLAC, OGG or MP3 file of any rate, width and channel count as mono at ``sample_rate`` Hz.

    Raises AudioError for a file that is missing, empty, truncated, not audio, not finite or longer than LONGEST_S.
    """
    path = Path(path)
    if not path.is_file():
        raise AudioError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise AudioError(f"{path}: the file is empty (0 bytes): record it again")
    return read_open(path, str(path), sample_rate)


def read_open(source: Path | BinaryIO, where: str, sample_rate: int) -> Waveform:
    """``read``, of an open file too, which ``where`` names in errors."""
    try:
        with soundfile.SoundFile(source) as file:
            declared, rate = file.frames, file.samplerate
            _refuse_long(declared, rate, where)  # before it is in memory
            samples = file.read(dtype="float32", always_2d=True)
            # libsndfile corrects the declared length of a truncated WAV; its log has that of the header.
            truncated = len(samples) < declared or "should be" in file.extra_info
    except (soundfile.LibsndfileError, RuntimeError) as error:
        way_out = "copy it again, or convert it to WAV or FLAC"
        raise AudioError(f"{where}: not readable as audio ({error}): {way_out}") from error
    if truncated:
        raise AudioError(f"{where}: truncated, it has {len(samples)} samples and its header says more: copy it again")
    return to_waveform(samples, rate, sample_rate, where)


def _refuse_long(n_samples: int, rate: int, where: str) -> None:
    seconds = n_samples / rate
    if seconds > LONGEST_S:
        raise AudioError(f"{where}: {seconds:.0f} s long, over the {LONGEST_S:.0f} s of a name's recording: cut it up")


def to_waveform(samples: ArrayLike, rate: int, sample_rate: int, where: str = "clip") -> Waveform:
    """Make ``samples``, ``(n,)`` or ``(n, n_channels)`` at ``rate`` Hz, a waveform at ``sample_rate`` Hz.

    Integer samples are scaled by their type's range. ``where`` names the clip in errors (AudioError).
    """
    array = np.asarray(samples)
    if array.ndim not in (1, 2):
        raise AudioError(f"{where}: samples of shape {array.shape}; (n,) or (n, n_channels) is needed")
    if array.size == 0:
        raise AudioError(f"{where}: no samples in it: record it again")
    if not _RATES[0] <= rate <= _RATES[1]:
        raise AudioError(f"{where}: sample rate {rate} Hz is outside of {_RATES[0]} to {_RATES[1]} Hz")
    _refuse_long(len(array), rate, where)
    if np.issubdtype(array.dtype, np.unsignedinteger):
        middle = (int(np.iinfo(array.dtype).max) + 1) / 2
        array = (array.astype(np.float64) - middle) / middle
    elif np.issubdtype(array.dtype, np.integer):
        array = array / -float(np.iinfo(array.dtype).min)
    if array.ndim == 2:
        array = array.mean(axis=1)
    if not np.isfinite(array).all():
        raise AudioError(
            f"{where}: {np.count_nonzero(~np.isfinite(array))} samples are NaN or infinite: export it again"
        )
    if rate != sample_rate:
        import soxr  # not needed by an exported recogniser whose clips have its rate

        array = soxr.resample(array.astype(np.float32), rate, sample_rate)
    return np.ascontiguousarray(array, dtype=np.float32)


def write(path: str | Path, waveform: Waveform, sample_rate: int) -> None:
    """Write 16-bit audio, whole or not at all; the suffix of ``path`` names the format. Raises OSError."""
    path = Path(path)
    kind, encoded = path.suffix[1:].upper(), io.BytesIO()
    try:
        soundfile.write(encoded, np.clip(waveform, -1.0, 1.0), sample_rate, subtype="PCM_16", format=kind)
    except soundfile.LibsndfileError as error:
        raise OSError(f"{path}: could not be written ({error})") from error
    with storage.whole(path, sync=False) as part:  # a clip a millisecond: to wait for the disk would take ten times it
        part.write_bytes(encoded.getvalue())


def find_clips(pattern: str | Path) -> list[Path]:
    """The audio files of a path: a file, a folder with its subfolders, or a glob; sorted.

    Raises FileNotFoundError where there is none.
    """
    path = Path(pattern).expanduser()
    if path.is_file():
        return [path]
    if path.is_dir():
        found = [p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES]
    else:
        root = Path(path.anchor) if path.is_absolute() else Path()
        relative = str(path.relative_to(path.anchor)) if path.is_absolute() else str(path)
        found = [p for p in root.glob(relative) if p.is_file()]
    if not found:
        kinds = ", ".join(SUFFIXES)
        raise FileNotFoundError(f"{pattern}: no audio files there ({kinds}); give a file, a folder or a quoted glob")
    return sorted(found)
