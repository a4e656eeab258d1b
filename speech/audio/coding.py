"""The coding of a stream's samples, by a WAV header: they are decoded block by block, by the decoder of WAV files.

A stream may have any coding of a file (integers of 8 to 32 bits, floats, mu-law, A-law, ADPCM), unless its blocks
cannot be decoded separately. Layout of the header: Microsoft, "Multiple channel audio data and WAVE files".
"""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speech.audio import files
from speech.audio.limits import AudioError

_PCM, _MS_ADPCM, _FLOAT, _A_LAW, _MU_LAW, _IMA_ADPCM, _EXTENSIBLE = 1, 2, 3, 6, 7, 0x11, 0xFFFE
_BY_SAMPLE, _BY_BLOCK = {_PCM, _FLOAT, _A_LAW, _MU_LAW}, {_MS_ADPCM, _IMA_ADPCM}
RAW = {"int16": (_PCM, 16), "int32": (_PCM, 32), "float32": (_FLOAT, 32)}  # types of samples without a header
WAVS = (b"RIFF", b"RF64", b"RIFX")  # a WAV begins with one of these
BLOCK_S = 0.1
_ENDLESS = 1 << 62  # bytes
_NAME = 4  # bytes of a chunk's name


class Coding(NamedTuple):
    """The coding of samples: the type that is shown, Hz, channels, the ``fmt`` chunk and byte order of a WAV header,
    the number of bytes that are decoded together, and how many samples per channel these are."""

    dtype: str
    rate: int
    channels: int
    fmt: bytes
    order: str
    n_bytes: int
    n_samples: int

    def decode(self, content: bytes, where: str) -> NDArray[np.float32]:
        """The samples ``(n, channels)`` of ``content``. Raises AudioError."""
        if len(content) < self.n_bytes:
            return np.zeros((0, self.channels), np.float32)
        return files.decode_open(io.BytesIO(_wav(self.fmt, self.order, content)), Path(where))[0]


class Decoder:
    """Decodes a stream's bytes, in pieces of any size, to blocks of about BLOCK_S. ``where`` names it in errors.

    ``n_declared`` is the number of bytes of sound by a WAV's header, None if that does not tell. Chunks that follow
    (tags, a cue list) are not sound; bytes that do not begin like a chunk are, since then the header was wrong.
    """

    def __init__(self, coding: Coding, where: str, n_declared: int | None = None) -> None:
        self._coding, self._where = coding, where
        self.n_bytes = max(1, round(BLOCK_S * coding.rate / coding.n_samples)) * coding.n_bytes  # of a block
        self._n_left, self._padding = n_declared or _ENDLESS, (n_declared or 0) % 2
        self._rest = bytearray()

    def __call__(self, content: bytes, last: bool = False) -> list[NDArray[np.float32]]:
        """The blocks ``(n, channels)`` that ``content`` completes; with ``last``, all the rest. Raises AudioError."""
        self._rest += content
        found = []
        while self._n_left or self._goes_on():
            n = min(self.n_bytes, self._n_left, len(self._rest) if last else _ENDLESS)
            if not 0 < n <= len(self._rest):
                break
            found.append(self._coding.decode(bytes(self._rest[:n]), self._where))
            del self._rest[:n]
            self._n_left -= n
        return found

    def _goes_on(self) -> bool:
        """Whether sound is known to follow the bytes that the header declared; other bytes there are dropped."""
        name = bytes(self._rest[self._padding : self._padding + _NAME])
        if len(name) == _NAME and (name in WAVS or not (name.isascii() and name.decode("ascii").isprintable())):
            self._n_left = _ENDLESS
            return True
        del self._rest[self._padding + _NAME :]
        return False


def raw(dtype: str, rate: int, channels: int) -> Coding:
    """The coding of little-endian samples of ``dtype``, one of RAW, without a header."""
    kind, bits = RAW[dtype]
    frame = bits // 8 * channels
    fmt = struct.pack("<HHIIHH", kind, channels, rate, frame * rate, frame, bits)
    return Coding(dtype, rate, channels, fmt, "<", frame, 1)


def of_wav(fmt: bytes, order: str, where: str, way_out: str) -> Coding:
    """The coding by the ``fmt`` chunk of a WAV header, in byte ``order`` ``<`` or ``>``. Raises AudioError."""
    if len(fmt) < 16:
        raise AudioError(f"{where}: the WAV header has no format: send it again, or send raw samples")
    kind, channels, _, _, block, bits = struct.unpack(f"{order}HHIIHH", fmt[:16])
    kind = struct.unpack(f"{order}H", fmt[24:26])[0] if kind == _EXTENSIBLE and len(fmt) >= 26 else kind
    if kind in _BY_SAMPLE:  # 24 bits may be stored in 32
        n_bytes = channels * (4 if bits == 24 and block == 4 * channels else -(-bits // 8))
    elif kind in _BY_BLOCK:
        n_bytes = block
    else:
        raise AudioError(f"{where}: a WAV of type {kind:#x}, which cannot be decoded as a stream: {way_out}")
    sound = files.open_sound(io.BytesIO(_wav(fmt, order, bytes(n_bytes))), Path(where))
    return Coding(sound.dtype, sound.rate, sound.n_channels, fmt, order, n_bytes, max(1, sound.n_declared))


def _wav(fmt: bytes, order: str, content: bytes) -> bytes:
    pad = bytes(len(content) % 2)
    riff, size = (b"RIFF" if order == "<" else b"RIFX"), f"{order}I"
    body = b"WAVEfmt " + struct.pack(size, len(fmt)) + fmt + b"data" + struct.pack(size, len(content)) + content + pad
    return riff + struct.pack(size, len(body)) + body
