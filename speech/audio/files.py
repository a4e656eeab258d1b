"""Read a clip, mix it to mono, resample it; write a clip. numpy and soundfile, and soxr if the rate differs.

A waveform is float32 ``(n_samples,)``, mono, in [-1, 1], at ``sample_rate`` Hz.
"""

from __future__ import annotations

import glob
import io
import numbers
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import soundfile
from numpy.typing import ArrayLike, NDArray

from speech.audio import containers, media
from speech.audio.limits import AudioError, check, way_out
from speech.audio.mute import muted
from speech.common import storage
from speech.common.counting import counted
from speech.common.processes import signals_held

Waveform = NDArray[np.float32]

# The suffixes of sound files in a folder; a file that is named itself is tried, whatever its suffix.
SUFFIXES = frozenset(
    f".{suffix}"
    for kinds in (
        "wav wave bwf rf64 w64 aif aiff aifc caf au snd flac ogg oga opus mp3 mp2 mpga sph nist voc sf ircam",
        "svx 8svx iff avr paf pvf wve m4a m4b m4r m4v mp4 mov 3gp 3gpp 3g2 aac webm weba mkv mka wma wmv asf amr awb",
        "ape wv ac3 flv avi spx tta ogv ogx",
    )
    for suffix in kinds.split()
)
_UNKNOWN = 2**62  # samples: a larger number from libsndfile means that it does not know
_CANCELLED = 0.1  # of the loudest channel's power: if the mean has no more, the channels cancel or are empty
_OVER = 30.0  # times full scale: larger samples have another scale than [-1, 1]
_SCALES = (2.0**15, 2.0**31)  # full scale of integers that are kept in a wider type


def read(path: str | Path, sample_rate: int) -> Waveform:
    """Read a sound file of any rate, width and channel count as mono at ``sample_rate`` Hz.

    Raises AudioError for a file that is missing, empty, truncated, not audio, not finite or longer than LONGEST_S.
    """
    return to_waveform(*decode(path), sample_rate, where=str(path))


def decode(path: str | Path) -> tuple[NDArray[np.float32], int]:
    """The samples ``(n, n_channels)`` of a sound file, and their rate in Hz. Raises AudioError as ``read`` does."""
    with open_file(path) as file:
        return decode_open(file, Path(path))


def rate_of(path: str | Path) -> int:
    """The rate in the header of a sound file, in Hz. Raises AudioError."""
    with open_file(path) as file:
        return open_sound(file, Path(path)).rate


def open_file(path: str | Path) -> BinaryIO:
    """Open the regular file ``path``. Raises AudioError, also for an empty file."""
    where = str(path)
    try:
        status = Path(path).stat()
        if stat.S_ISFIFO(status.st_mode):
            raise AudioError(f"{where}: a pipe: save it as a file, or run python -m speech.listen source=PIPE")
        if not stat.S_ISREG(status.st_mode):
            raise AudioError(f"{where}: a folder, or not a regular file: give a sound file")
        if status.st_size == 0:
            raise AudioError(f"{where}: the file is empty (0 bytes): record it again")
        return Path(path).open("rb")
    except FileNotFoundError as error:
        raise AudioError(f"{where}: no such file") from error
    except AudioError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        raise AudioError(f"{where}: not readable ({getattr(error, 'strerror', None) or error})") from error


def decode_open(file: BinaryIO, path: Path) -> tuple[NDArray[np.float32], int]:
    """``decode`` for an open file, or for bytes in memory; ``path`` names it in errors."""
    sound = open_sound(file, path)
    check(str(path), sound.rate, sound.n_channels, sound.n_declared)  # before it is read into memory
    parts, n_samples = [], 0
    for part in sound.blocks(max(1, sound.n_declared)):
        n_samples += len(part)
        check(str(path), sound.rate, sound.n_channels, n_samples)
        parts.append(part)
    whole = parts[0] if len(parts) == 1 else np.concatenate([np.zeros((0, sound.n_channels), np.float32), *parts])
    return whole, sound.rate


class Sound(Protocol):
    """An open sound file: Hz, channels, the samples that its header declares (0 if it does not), and their type."""

    rate: int
    n_channels: int
    n_declared: int
    dtype: str

    def blocks(self, length: int) -> Iterator[NDArray[np.float32]]:
        """The samples ``(n, n_channels)`` of the whole file, about ``length`` at once. Raises AudioError if it is
        damaged or cut off, after the samples that could be read."""
        ...


def open_sound(file: BinaryIO, path: Path) -> Sound:
    """The sound in ``file``, of any length; ``path`` names it in errors (AudioError).

    The first bytes of the file identify its format: no other one is tried.
    """
    with _explained(path):
        kind = containers.kind(file)
        if kind is None:
            raise AudioError(f"{path}: not readable as audio (unknown format): {way_out(path)}")
        media_kind = kind in containers.MEDIA
        found: Sound = media.Media(file, kind, str(path)) if media_kind else _SoundFile(file, kind, path)
        check(str(path), found.rate, found.n_channels, 0)
    return found


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn whatever error a damaged file causes into an AudioError."""
    try:
        yield
    except (soundfile.LibsndfileError, OSError, RuntimeError, ValueError) as error:
        if isinstance(error, AudioError):
            raise
        reason = getattr(error, "error_string", str(error))
        if not reason or "regular file" in reason:  # as mpg123 reports any damage
            reason = "damaged, or cut off"
        raise AudioError(f"{path}: not readable as audio ({reason}): copy it again, or {way_out(path)}") from error


class _SoundFile:
    """A sound file that libsndfile reads."""

    def __init__(self, file: BinaryIO, kind: str, path: Path) -> None:
        self._file, self._kind, self._path = file, kind, path
        source = containers.closed(file, kind) or file
        source.seek(0)
        with signals_held(), muted():  # C calls the file's own functions, here and below
            self._sound = soundfile.SoundFile(source)
        self.rate, self.n_channels, self.dtype = self._sound.samplerate, self._sound.channels, self._sound.subtype
        self.n_declared = self._sound.frames
        if self.n_declared > _UNKNOWN:
            raise ValueError("its length is not known")

    def blocks(self, length: int) -> Iterator[NDArray[np.float32]]:
        n_samples = 0
        with _explained(self._path):
            while len(samples := self._read(min(length, self.n_declared - n_samples))):
                n_samples += len(samples)
                yield samples
            if n_samples < self.n_declared or containers.is_truncated(self._file, self._kind):
                held = counted(n_samples, "sample")
                raise AudioError(f"{self._path}: truncated: it has {held}, and its header states more: copy it again")

    def _read(self, length: int) -> NDArray[np.float32]:
        with signals_held(), muted():
            return self._sound.read(length, dtype="float32", always_2d=True)


def to_waveform(samples: ArrayLike, rate: float, sample_rate: int, where: str = "clip") -> Waveform:
    """Convert ``samples`` at ``rate`` Hz, an array or a tensor, to a waveform at ``sample_rate`` Hz.

    They are ``(n,)`` or, with several channels, ``(n, n_channels)`` or ``(n_channels, n)``. Integers are scaled by the
    range of their type; if that would leave only silence, and for floats far beyond 1, by the range of 16 or 32 bits.
    ``where`` names the clip in errors (AudioError).
    """
    if isinstance(rate, bool) or not isinstance(rate, numbers.Real):
        raise AudioError(f"{where}: the sample rate is {type(rate).__name__}: give (samples, rate in Hz)")
    array = _as_array(samples, where)
    check(where, rate, 1 if array.ndim == 1 else array.shape[1], len(array))
    array = _scaled(array, where)
    mono = array if array.ndim == 1 else _mixed(array)
    if rate != sample_rate:
        import soxr  # an exported recogniser whose clips have its own rate does not need it

        mono = soxr.resample(mono, rate, sample_rate)
    return np.ascontiguousarray(mono, dtype=np.float32)


def _as_array(samples: ArrayLike, where: str) -> NDArray:
    """Numbers ``(n,)`` or ``(n, n_channels)``, at least one."""
    try:
        array = np.asarray(samples.detach().cpu() if hasattr(samples, "detach") else samples)
    except (TypeError, ValueError, RuntimeError) as error:
        raise AudioError(f"{where}: the samples are not an array of numbers ({error})") from error
    if array.ndim not in (1, 2):
        raise AudioError(f"{where}: samples of shape {array.shape}; (n,) or (n, n_channels) is needed")
    if array.size == 0:
        raise AudioError(f"{where}: no samples in it: record it again")
    if array.dtype == bool or not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
        raise AudioError(f"{where}: samples of type {array.dtype}; integers or floats are needed")
    return array.T if array.ndim == 2 and array.shape[0] < array.shape[1] else array  # more samples than channels


def _scaled(array: NDArray, where: str) -> NDArray[np.float32]:
    if np.issubdtype(array.dtype, np.unsignedinteger):
        middle = (int(np.iinfo(array.dtype).max) + 1) / 2
        return ((array - middle) / middle).astype(np.float32)
    peak = max(float(array.max()), -float(array.min()))
    if not np.isfinite(peak):
        n_bad = int(np.count_nonzero(~np.isfinite(array)))
        raise AudioError(f"{where}: NaN or infinite in {counted(n_bad, 'sample')}: export it again")
    scale = 1.0
    if np.issubdtype(array.dtype, np.integer):
        scale = -float(np.iinfo(array.dtype).min)
    wider = peak > _OVER if scale == 1 else scale > _SCALES[0] and peak <= _SCALES[0]
    if wider or scale > _SCALES[-1]:
        scale = next((one for one in _SCALES if peak <= one), 0.0)
        if not scale:
            raise AudioError(f"{where}: samples of up to {peak:.1g}, beyond 32 bits: export it again, within -1 to 1")
    return (array / scale).astype(np.float32) if scale != 1 else array.astype(np.float32)


def _mixed(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of the channels ``(n, n_channels)``; the loudest channel if they cancel, or if most are empty."""
    mono: NDArray[np.float32] = array.mean(axis=1)
    power = array.var(axis=0)
    return mono if mono.var() > _CANCELLED * power.max() else np.ascontiguousarray(array[:, int(power.argmax())])


def write(path: str | Path, waveform: Waveform, sample_rate: int) -> None:
    """Write 16-bit audio, completely or not at all; the suffix of ``path`` names the format. Raises OSError."""
    path = Path(path)
    kind, encoded = path.suffix[1:].upper(), io.BytesIO()
    try:
        with signals_held():  # C calls ``encoded``
            soundfile.write(encoded, np.clip(waveform, -1.0, 1.0), sample_rate, subtype="PCM_16", format=kind)
    except soundfile.LibsndfileError as error:
        raise OSError(f"{path}: could not be written ({error})") from error
    with storage.whole(path, sync=False) as part:  # a clip takes 1 ms; waiting for the disk would take 10
        part.write_bytes(encoded.getvalue())


def find_clips(pattern: str | Path | Sequence[str]) -> list[Path]:
    """The sound files of a path, sorted: a file, a folder with its subfolders (links too), or a glob of either; or of a
    list of these. A missing path in a list is kept as it is, so that its reader refuses it by name.

    Raises FileNotFoundError if there are no files, AudioError for a value that is not a path.
    """
    if not isinstance(pattern, str | Path | Sequence):
        raise AudioError(f"clips={pattern}: give a file, a folder, a quoted glob, or a list of these")
    if not isinstance(pattern, str | Path):
        found, missing = _each(pattern)
        if not found:
            raise FileNotFoundError("clips=[]: the list is empty: give a file, a folder or a quoted glob")
        if missing and len(missing) == len(found):
            raise missing[0]
        return list(found)
    place = os.path.expanduser(pattern)
    if os.path.isfile(place):
        return [Path(place)]
    matches = [place] if os.path.isdir(place) else glob.glob(place, recursive=True)
    if not matches:
        what = "no file matches" if glob.has_magic(place) else "no such file or folder"
        hint = "; for standard input, run python -m speech.listen source=-" if place == "-" else ""
        raise FileNotFoundError(f"{pattern}: {what}: give a file, a folder or a quoted glob{hint}")
    seen: set[str] = set()
    each = [_in_folder(match, seen) if os.path.isdir(match) else [Path(match)] for match in matches]
    clips = {clip for some in each for clip in some}
    if not clips:
        raise FileNotFoundError(
            f"{pattern}: no sound files in it (WAV, FLAC, OGG, MP3, M4A and others): is it the right folder?"
        )
    return sorted(clips)


def _each(places: Sequence[str]) -> tuple[dict[Path, None], list[FileNotFoundError]]:
    """The sound files of ``places``, each once, with the missing places among them, and the errors of the missing."""
    found: dict[Path, None] = {}
    missing = []
    for place in places:
        try:
            found |= dict.fromkeys(find_clips(str(place)))
        except FileNotFoundError as error:
            missing.append(error)
            found[Path(place)] = None
    return found, missing


def _in_folder(folder: str, seen: set[str]) -> Iterator[Path]:
    """The sound files in ``folder`` and its subfolders; ``seen`` are the folders visited, to which links may lead."""
    for place, inner, names in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(place)) in seen:
            inner.clear()
            continue
        seen.add(real)
        yield from (Path(place, name) for name in names if is_clip(name))


def is_clip(path: str | Path) -> bool:
    """Whether a file in a folder counts as sound, by its suffix. macOS leaves files ``._name.wav``, which are not."""
    return os.path.splitext(path)[1].lower() in SUFFIXES and not os.path.basename(path).startswith("._")
