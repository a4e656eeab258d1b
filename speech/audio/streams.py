"""Sources of sound: a file of any length, standard input (raw PCM or WAV), a microphone; resampled as they are read.

Each source has a ``format``; ``blocks`` gives mono float32 blocks ``(n_samples,)`` at the rate asked for.
"""

from __future__ import annotations

import io
import json
import math
import queue
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from speech.audio import coding, containers, files
from speech.audio.coding import BLOCK_S, Decoder
from speech.audio.files import Waveform
from speech.audio.limits import MOST_CHANNELS, RATES, AudioError
from speech.common.escape import printable, printable_lines
from speech.common.extras import require
from speech.common.ranges import checked_count, checked_text

GONE_S = 2.5  # a microphone without a block for so long is gone
BACK_S = 10.0  # for which a microphone that is gone is waited for
AGAIN_S = 0.5  # between attempts to open it again
WIDE_HZ = 16_000
FLOATS, N_FLOATS = (1e-9, 2.0), 100  # the range of floats that are sound, and how many are needed to decide
USUAL_RATES = (48_000, 44_100, 32_000, 16_000, 8_000)  # Hz, tried if a microphone refuses its own default rate


class Format(NamedTuple):
    """The format of a source: its name, Hz, channels, and the type of its samples."""

    device: str
    rate: int
    channels: int
    dtype: str

    def to_json(self) -> str:
        return json.dumps({"event": "format", **self._asdict(), "narrow": self.rate < WIDE_HZ})

    def to_text(self) -> str:
        channels = {1: "mono", 2: "stereo"}.get(self.channels, f"{self.channels} channels")
        narrow = f" (nothing over {self.rate // 2} Hz: names are recognised less well)" if self.rate < WIDE_HZ else ""
        return printable(f"{self.device}: {self.rate} Hz, {channels}, {self.dtype}{narrow}")


class Fault(NamedTuple):
    """A message of a stream besides its sound, and the seconds of sound that were lost and replaced by zeros."""

    text: str
    lost_s: float = 0.0

    def to_json(self) -> str:
        return json.dumps({"event": "fault", **self._asdict()})

    def to_text(self) -> str:
        return printable_lines(self.text)


Block = Waveform | Fault


class Mono:
    """Mixes channels to mono and resamples, block by block. Channels in antiphase to the loudest are inverted."""

    def __init__(self, rate: int, sample_rate: int) -> None:
        import soxr

        self._resampler = None if rate == sample_rate else soxr.ResampleStream(rate, sample_rate, 1, dtype="float32")
        self._products: NDArray[np.float64] | None = None

    def __call__(self, samples: NDArray[np.float32], last: bool = False) -> Waveform:
        """``samples`` are ``(n, n_channels)``. NaN and infinite samples become 0."""
        finite = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
        if finite.shape[1] == 1:
            mono = finite[:, 0]
        else:
            products = finite.T.astype(np.float64) @ finite
            self._products = products if self._products is None else self._products + products
            loudest = int(np.diag(self._products).argmax())
            weights = self._products[loudest] / max(float(self._products[loudest, loudest]), 1e-20)
            mono = (finite @ (weights / max(float(np.square(weights).sum()), 1e-20))).astype(np.float32)
        if self._resampler is not None:
            mono = self._resampler.resample_chunk(np.ascontiguousarray(mono), last=last)
        return np.ascontiguousarray(mono, dtype=np.float32)


class File:
    """A sound file, even hours long, of any format that ``files.read`` reads. Raises AudioError."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        with files.open_file(self._path) as file:
            sound = files.open_sound(file, self._path)
        self.format = Format(str(path), sound.rate, sound.n_channels, sound.dtype)

    def blocks(self, sample_rate: int) -> Iterator[Block]:
        """A file that is damaged or cut off gives a Fault after the blocks that could be read."""
        mono = Mono(self.format.rate, sample_rate)
        with files.open_file(self._path) as file:
            try:
                for samples in files.open_sound(file, self._path).blocks(round(BLOCK_S * self.format.rate)):
                    yield mono(samples)
            except AudioError as error:
                yield Fault(str(error))
        yield mono(np.zeros((0, self.format.channels), np.float32), last=True)


class Pipe:
    """Raw PCM or a WAV from a pipe; ``rate``, ``channels`` and ``dtype`` are those of raw samples. ``where`` names the
    pipe in errors, and ``way_out`` says what to do with anything else.

    A stream that begins with RIFF, RF64 or RIFX is read by its header, whatever was given for raw samples. ``decoder``
    decodes the bytes that are not yet read. Raises AudioError for a header that cannot be read, and for another kind of
    sound file, which would be noise as raw samples.
    """

    def __init__(
        self,
        pipe: BinaryIO,
        rate: int,
        channels: int,
        dtype: str,
        where: str = "standard input",
        way_out: str = "give it as source=FILE, or send it as a WAV of 16-bit PCM",
    ) -> None:
        self._pipe, self._where, self._way_out = pipe, where, way_out
        if dtype not in coding.RAW:
            raise AudioError(f"dtype={dtype}: choose from {', '.join(coding.RAW)}")
        self._head = b""  # bytes that were read ahead
        self._head = self._exactly(containers.HEAD)
        n_declared = None
        if is_wav := self._head.startswith(coding.WAVS):
            code, n_declared = self._wav_coding()
        elif (kind := self._kind()) is not None:
            raise AudioError(f"{where}: {kind}, not raw samples: {way_out}")
        else:
            checked_count(f"{where}: rate", rate, *RATES)
            checked_count(f"{where}: channels", channels, 1, MOST_CHANNELS)
            if dtype != "float32" and self._are_floats():
                raise AudioError(f"{where}: its samples are float32, not {dtype}, and would be noise: {way_out}")
            code = coding.raw(dtype, rate, channels)
        name = f"{where} (WAV)" if is_wav else where
        self.format = Format(name, code.rate, code.channels, code.dtype)
        self.decoder = Decoder(code, where, n_declared)

    def _kind(self) -> str | None:
        """The kind of sound file by its first bytes; None for raw samples."""
        if self._head.startswith((b"ID3\2", b"ID3\3", b"ID3\4")):
            return "MP3"
        kind = containers.kind(io.BytesIO(self._head))
        if kind in ("MP3", "aac"):  # identified by two bytes, with which raw samples may begin
            self._head = self._exactly(containers.FRAMES)
            return kind if containers.begins_with_frames(self._head) else None
        return None if kind == "IRCAM" else kind

    def _are_floats(self) -> bool:
        """Whether the first samples are floats, like those of Web Audio, whatever ``dtype`` was given: integers, read
        as floats, are hardly ever within the range of sound."""
        self._head = self._exactly(containers.FRAMES)
        with np.errstate(invalid="ignore"):
            levels = np.abs(np.frombuffer(self._head[: len(self._head) // 4 * 4], "<f4"))
            sounding = levels[levels != 0]
            within = (sounding > FLOATS[0]) & (sounding < FLOATS[1])
        return len(sounding) >= N_FLOATS and float(within.mean()) > 0.9

    def rest(self) -> bytes:
        """All remaining bytes."""
        return self._head + self._pipe.read()

    def _exactly(self, n: int) -> bytes:
        found = bytearray(self._head[:n])
        self._head = self._head[n:]
        while len(found) < n and (more := self._pipe.read(n - len(found))):
            found += more
        return bytes(found)

    def _wav_coding(self) -> tuple[coding.Coding, int | None]:
        """The coding, and the number of bytes of sound, None if the program that writes them did not know it."""
        order = ">" if self._exactly(12).startswith(b"RIFX") else "<"  # followed by the length and WAVE
        fmt, n_declared = b"", None
        while len(chunk := self._exactly(8)) == 8:
            name, length = chunk[:4], struct.unpack(f"{order}I", chunk[4:])[0]
            if name == b"data" and fmt:
                n_declared = containers.known(length)
                break
            if length > 1 << 20:
                break
            body = self._exactly(length + length % 2)
            fmt = body if name == b"fmt " else fmt
        return coding.of_wav(fmt, order, self._where, self._way_out), n_declared

    def blocks(self, sample_rate: int) -> Iterator[Block]:
        """Raises AudioError if the stream ends without a sample."""
        mono = Mono(self.format.rate, sample_rate)
        n_samples, last = 0, False
        while not last:
            content = self._exactly(self.decoder.n_bytes)
            last = len(content) < self.decoder.n_bytes
            for samples in self.decoder(content, last):
                n_samples += len(samples)
                yield mono(samples)
        if not n_samples:
            raise AudioError(f"{self._where}: no sound was received: is the program that should send it running?")
        yield mono(np.zeros((0, self.format.channels), np.float32), last=True)


class Microphone:
    """A sound device, through PortAudio, opened at its own rate. Raises OSError if there is none.

    The callback only puts its block into a queue, from which the recognising thread takes it.
    """

    def __init__(self, device: int | str | None) -> None:
        if isinstance(device, bool) or not isinstance(device, int | str | None):
            raise OSError(f"device={device}: give a number or a name that python -m sounddevice lists")
        try:
            self._sounddevice = require("sounddevice", "record")
        except OSError as error:  # the package is installed, but not the library that it loads
            raise OSError(f"{error}: install PortAudio (Debian: apt install libportaudio2)") from error
        self._device = device
        self.format = self._find()

    def _find(self) -> Format:
        """The format of the device as it is now. Raises OSError if the device is missing."""
        try:
            found: Any = self._sounddevice.query_devices(self._device, "input")
        except (self._sounddevice.PortAudioError, ValueError) as error:
            raise OSError(f"no microphone ({error}): python -m sounddevice lists the devices") from error
        own, channels = round(found["default_samplerate"]), max(1, min(2, found["max_input_channels"]))
        rate = next((rate for rate in (own, *USUAL_RATES) if self._takes(rate, channels)), own)
        return Format(str(found["name"]), rate, channels, "float32")

    def _takes(self, rate: int, channels: int) -> bool:
        try:
            self._sounddevice.check_input_settings(
                device=self._device, channels=channels, dtype="float32", samplerate=rate
            )
        except self._sounddevice.PortAudioError:
            return False
        return True

    def _find_again(self) -> str:
        """Look for a device that was gone, and may have another rate now. Returns the message for when it gives sound.

        Raises OSError if it is still missing, or if its number now belongs to another device.
        """
        try:
            # PortAudio lists the devices once, when it is initialised. Only private functions of sounddevice initialise
            # it again; a version without them finds the devices that it already knew.
            for renew in ("_terminate", "_initialize"):
                getattr(self._sounddevice, renew, lambda: None)()
        except self._sounddevice.PortAudioError as error:
            raise OSError(f"no microphone ({error}): python -m sounddevice lists the devices") from error
        before, found = self.format, self._find()
        if self._device is not None and found.device != before.device:
            raise OSError(f"{before.device}: gone: device={self._device} is now {found.device}.")
        self.format = found
        return "it is back" if found == before else f"it is back as {found.to_text()}"

    def blocks(self, sample_rate: int) -> Iterator[Block]:
        """Blocks as they come; each fault of the device is reported once. Raises OSError if it does not come back.

        A device that gave sound and is gone is waited for; the sound in the meantime is lost.
        """
        mono, received_at, gone = Mono(self.format.rate, sample_rate), -math.inf, False
        while True:
            try:
                back = self._find_again() if gone else ""
                for samples in self._while_there():
                    if gone:
                        mono = Mono(self.format.rate, sample_rate)
                        yield from self._lost(back, time.monotonic() - received_at, mono)
                    received_at, gone = time.monotonic(), False
                    if isinstance(samples, Fault):
                        yield from self._lost(samples.text, samples.lost_s, mono)
                    else:
                        yield mono(samples)
            except OSError as error:
                if time.monotonic() - received_at > GONE_S + BACK_S:
                    raise
                if not gone:
                    yield mono(np.zeros((0, 1), np.float32), last=True)
                    yield Fault(f"{error} Waiting for it.")
                gone = True
                time.sleep(AGAIN_S)

    def _lost(self, reason: str, lost_s: float, mono: Mono) -> Iterator[Block]:
        """The Fault for ``lost_s`` of lost sound, and the zeros that replace it."""
        if not lost_s:
            yield Fault(reason)
            return
        yield Fault(f"{reason}: {lost_s:.2f} s of sound were lost", lost_s)
        yield mono(np.zeros((round(lost_s * self.format.rate), self.format.channels), np.float32))

    def _while_there(self) -> Iterator[NDArray[np.float32] | Fault]:
        """Blocks ``(n, n_channels)`` and faults of the device. Raises OSError once it is gone."""
        form, blocks = self.format, queue.SimpleQueue[tuple[NDArray[np.float32], bool]]()

        def callback(samples: NDArray[np.float32], _frames: int, _time: Any, status: Any) -> None:
            blocks.put((samples.copy(), bool(status and status.input_overflow)))

        n_zero = 0
        try:
            stream = self._sounddevice.InputStream(
                device=self._device, samplerate=form.rate, channels=form.channels, dtype="float32", callback=callback
            )
            with stream:
                start, n_samples = time.monotonic(), 0
                while True:
                    try:
                        samples, overflow = blocks.get(timeout=GONE_S)
                    except queue.Empty:
                        raise OSError(f"{form.device}: no sound for {GONE_S} s: was it unplugged?") from None
                    if overflow:
                        lost_s = max(0.0, time.monotonic() - start - n_samples / form.rate)
                        yield Fault("overrun", lost_s)
                        n_samples += round(lost_s * form.rate)
                    n_samples += len(samples)
                    sounds = (np.isfinite(samples) & (samples != 0)).any()  # NaN and infinity become 0
                    n_before, n_zero = n_zero, 0 if sounds else n_zero + len(samples)
                    if n_before < GONE_S * form.rate <= n_zero:
                        yield Fault(f"digital silence for {GONE_S} s: is the microphone muted, or not permitted?")
                    yield samples
        except self._sounddevice.PortAudioError as error:
            raise OSError(f"{form.device}: {error}: choose another with device=...") from error


def open_source(
    source: str, device: int | str | None, rate: int, channels: int, dtype: str
) -> File | Pipe | Microphone:
    """The source: ``microphone``, ``-`` (standard input), a named pipe, or a file. ``rate``, ``channels`` and ``dtype``
    are those of raw samples in a pipe."""
    checked_text("source", source, "microphone, a file or a named pipe, or - for standard input")
    if source == "microphone":
        return Microphone(device)
    if source != "-":
        path = Path(source).expanduser()
        return Pipe(path.open("rb"), rate, channels, dtype, source) if path.is_fifo() else File(path)
    if sys.stdin is None:
        raise AudioError("standard input is closed: pipe sound into it, or give source=FILE")
    if sys.stdin.isatty():
        raise AudioError("standard input is a terminal: pipe sound into it, or give source=FILE or source=microphone")
    return Pipe(sys.stdin.buffer, rate, channels, dtype)
