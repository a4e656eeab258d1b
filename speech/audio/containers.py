"""The kind of a sound file by its first bytes, and whether it holds all the sound that its header declares.

The length in a header is often wrong although no sound is missing: a program that writes into a pipe cannot go back to
fill the length in, and one that was stopped never did. So a length of 0, or the largest that its field can hold, is
taken as unknown. Formats: RIFF and its relatives (Microsoft, IBM 1991; EBU Tech 3306), AIFF (Apple 1989), CAF (Apple),
Wave64 (Sonic Foundry), AU (Sun), NIST SPHERE, Ogg (RFC 3533), FLAC (RFC 9639), MPEG audio (ISO 11172-3, 13818-3), AAC
in ADTS (ISO 13818-7).
"""

from __future__ import annotations

import io
import math
import re
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

HEAD = 16  # bytes that identify the kind
MISCOUNT = 128  # bytes by which a header may be wrong that counts itself or a padding: 4 ms at 16 kHz
_LARGEST_32 = 0x7FFF_0000  # writers into pipes declare 0x7FFFF000, 0x80000000, 0xFFFFFFFF, or these less a header
_LARGEST_64 = 1 << 62
_MOST_CHUNKS = 1_000
_PADDING = 1 << 16  # bytes
_NAME = 4  # bytes of a chunk's name
_LONGEST_FRAME = 1 << 20  # bytes of FLAC: 65 535 samples of eight channels, hardly compressed
_FLAC_BLOCKS = {1: 192, **{i: 144 << i for i in range(2, 6)}, **{i: 1 << i for i in range(8, 16)}}  # samples, by code
_NIST = (b"sample_count", b"channel_count", b"sample_n_bytes")  # in the header of a file of NIST SPHERE

# The formats that libsndfile reads and that their first bytes identify: those at 0 and, where they matter, those at 8.
_SOUND = [
    (b"RIFF", b"WAVE", "WAV"), (b"RIFX", b"WAVE", "RIFX"), (b"RF64", b"WAVE", "RF64"),
    (b"FORM", b"AIFF", "AIFF"), (b"FORM", b"AIFC", "AIFF"), (b"FORM", b"8SVX", "SVX"), (b"FORM", b"16SV", "SVX"),
    (b"riff", b"", "W64"), (b"caff", b"", "CAF"), (b".snd", b"", "AU"), (b"dns.", b"", "AU little-endian"),
    (b"fLaC", b"", "FLAC"), (b"OggS", b"", "OGG"), (b"NIST_1A", b"", "NIST"), (b"Creative Voice", b"", "VOC"),
    (b"\x64\xa3", b"", "IRCAM"), (b"2BIT", b"", "AVR"), (b" paf", b"", "PAF"), (b"fap ", b"", "PAF"),
    (b"PVF1", b"", "PVF"), (b"ALawSoundFile", b"", "WVE"),
]  # fmt: skip
# FFmpeg's names of the formats that it has to decode; an ISO media file begins with a size instead.
_MEDIA = [(b"\x1a\x45\xdf\xa3", "matroska"), (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"), (b"#!AMR", "amr")]
_ISO_MEDIA = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
MEDIA = {"matroska", "asf", "amr", "mov", "aac"}

FRAMES = 4096  # bytes that hold three frames of MPEG audio of any kind: a frame has 1 732 at most
_N_FRAMES = 3
_MPEG_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}  # 3: MPEG 1
_KBPS = {  # by whether it is MPEG 1, and the layer's code (3: I, 2: II, 1: III)
    (True, 3): range(32, 449, 32),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 1): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 3): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 1): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def kind(file: BinaryIO) -> str | None:
    """The kind of ``file``, one of MEDIA if libsndfile does not read it; None if it is not a known sound format."""
    file.seek(_after_tags(file)[0])
    head = file.read(HEAD)
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return "MP3" if head[1] & 0x06 else "aac"  # the layer bits: 0 for AAC in ADTS
    if head[4:8] in _ISO_MEDIA:
        return "mov"
    for start, name in _MEDIA:
        if head.startswith(start):
            return name
    for start, inner, name in _SOUND:
        if head.startswith(start) and head[8:12].startswith(inner):
            return name
    return None


def begins_with_frames(content: bytes) -> bool:
    """Whether ``content``, of FRAMES bytes, begins with three frames of MPEG audio, or of AAC, of one kind. Raw samples
    may look like one frame, but not like several in a row."""
    at, kinds = 0, set()
    for _ in range(_N_FRAMES):
        head = content[at : at + 7]
        length = _frame_length(head) if len(head) == 7 else 0
        if not length:
            return False
        kinds.add((head[1], head[2] & 0x0C))
        at += length
    return len(kinds) == 1


def _frame_length(head: bytes) -> int:
    """The number of bytes of the frame that begins with ``head``; 0 if it is not a frame, or does not tell."""
    layer, version = head[1] >> 1 & 3, head[1] >> 3 & 3
    if head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return 0
    if layer == 0:  # AAC
        length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
        return length if head[1] & 0xF0 == 0xF0 and head[2] >> 2 & 15 < 13 and length > 7 else 0
    bits, rate, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or bits in (0, 15) or rate == 3 or head[3] & 3 == 2:  # invalid in a frame, or free format
        return 0
    per_frame = 12 if layer == 3 else 72 if layer == 1 and version != 3 else 144
    kbps = _KBPS[version == 3, layer][bits - 1]
    length = per_frame * kbps * 1000 // _MPEG_HZ[version][rate] + padding
    return 4 * length if layer == 3 else length


def _after_tags(file: BinaryIO) -> tuple[int, int]:
    """Where the sound begins after the ID3 tags of MPEG audio, and how many zeros the tags should count but do not."""
    at = n_zeros = 0
    while True:
        file.seek(at)
        some = file.read(_PADDING)
        n_more = len(some) - len(some.lstrip(b"\0")) if at else 0
        head = some[n_more : n_more + 10]
        at, n_zeros = at + n_more, n_zeros + n_more
        if not head.startswith(b"ID3") or len(head) < 10:
            return at, n_zeros
        at += 10 + sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))  # 7 bits per byte


class _Layout(NamedTuple):
    """The layout of a kind of file in chunks."""

    first: int  # where the first chunk begins
    head: struct.Struct  # of a chunk: its name and size
    counted: int  # bytes of that head that the size includes
    align: int


_LAYOUTS = {
    "WAV": _Layout(12, struct.Struct("<4sI"), 0, 2),
    "RIFX": _Layout(12, struct.Struct(">4sI"), 0, 2),
    "RF64": _Layout(12, struct.Struct("<4sI"), 0, 2),
    "AIFF": _Layout(12, struct.Struct(">4sI"), 0, 2),
    "CAF": _Layout(8, struct.Struct(">4sq"), 0, 1),
    "W64": _Layout(40, struct.Struct("<16sQ"), 24, 8),
}


class _Sound(NamedTuple):
    """Where a file's sound begins, how many bytes of it the header declares (None: unknown), and in which field."""

    at: int
    declared: int | None
    field: int = 0
    form: str = ""  # of the field, for ``struct``
    counted: int = 0  # bytes that the field includes besides the sound


def is_truncated(file: BinaryIO, kind: str) -> bool:
    """Whether ``file``, of ``kind``, ends before its sound does; False if that cannot be known."""
    if kind == "OGG":
        return not _has_last_page(file)
    sound = _find_sound(file, kind)
    return sound is not None and sound.declared is not None and sound.declared - (_size(file) - sound.at) > MISCOUNT


def closed(file: BinaryIO, kind: str) -> io.RawIOBase | io.BytesIO | None:
    """A recording whose header does not tell its length, with that length filled in; None for any other file.

    For MPEG audio that libsndfile does not find after the padding of its tags, the audio after the padding.
    """
    if kind == "MP3":
        at, n_zeros = _after_tags(file)
        file.seek(at)
        return io.BytesIO(file.read()) if n_zeros else None
    if kind == "FLAC":
        return _closed_flac(file)
    sound = _find_sound(file, kind)
    if sound is None or not sound.form or (sound.declared is not None and not _goes_on(file, kind, sound)):
        return None
    held = _size(file) - sound.at
    if held <= 0:
        return None
    file.seek(sound.field)
    (declared,) = struct.unpack(sound.form, file.read(struct.calcsize(sound.form)))
    if declared == sound.counted and kind in _LAYOUTS and _is_chunks(file, kind, sound.at):
        return None
    largest = (1 << 8 * struct.calcsize(sound.form)) - 1
    return _Patched(file, sound.field, struct.pack(sound.form, min(held + sound.counted, largest)))


class _Patched(io.RawIOBase):
    """``file`` with ``patch`` in place of its bytes from ``at`` on."""

    def __init__(self, file: BinaryIO, at: int, patch: bytes) -> None:
        self._file, self._at, self._patch = file, at, patch

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:
        view, start = memoryview(buffer).cast("B"), self._file.tell()
        content = bytearray(self._file.read(len(view)))
        for at, byte in enumerate(self._patch, self._at - start):
            if 0 <= at < len(content):
                content[at] = byte
        view[: len(content)] = content
        return len(content)


def _size(file: BinaryIO) -> int:
    return file.seek(0, io.SEEK_END)


def _chunks(file: BinaryIO, layout: _Layout, at: int) -> Iterator[tuple[bytes, int, int]]:
    """Each chunk's name, size, and where its content begins, from ``at`` on."""
    end = _size(file) - layout.head.size
    for _ in range(_MOST_CHUNKS):
        if at > end:
            return
        file.seek(at)
        head = file.read(layout.head.size)
        name, size = layout.head.unpack(head)
        at += layout.head.size
        size -= layout.counted
        yield name[:4], size, at
        if size < 0:
            return
        at += size + -(size + layout.counted) % layout.align


def _find_sound(file: BinaryIO, kind: str) -> _Sound | None:
    if kind.startswith("AU"):
        order = ">" if kind == "AU" else "<"
        file.seek(4)
        at, size = struct.unpack(f"{order}II", file.read(8).ljust(8, b"\0"))
        return None if at < 24 else _Sound(at, known(size, _LARGEST_32), 8, f"{order}I")
    if kind == "NIST":
        file.seek(0)
        header = file.read(1024)
        counts = [re.search(rb"^%s -i (\d+)$" % key, header, re.M) for key in _NIST]
        if not all(counts):
            return None
        size, *factors = (int(one[1]) for one in counts if one)
        return _Sound(len(header), math.prod(factors, start=size) or None)
    if kind not in _LAYOUTS:
        return None
    layout, large = _LAYOUTS[kind], (0, 0)
    form = layout.head.format[0] + layout.head.format[-1]  # of a size field: its byte order and width
    for name, size, at in _chunks(file, layout, layout.first):
        if name == b"ds64":
            file.seek(at + 8)
            large = (*struct.unpack("<Q", file.read(8).ljust(8, b"\0")), at + 8)
        elif name in (b"data", b"SSND"):
            if large[1] and size >= _LARGEST_32:
                return _Sound(at, known(large[0], _LARGEST_64), large[1], "<Q")
            most = _LARGEST_32 if struct.calcsize(form) == 4 else _LARGEST_64
            return _Sound(at, known(size, most), at - struct.calcsize(form), form, layout.counted)
    return None


def known(size: int, largest: int = _LARGEST_32) -> int | None:
    """The ``size`` that a header declares; None for a value that means unknown."""
    return size if 0 < size < largest else None


def _is_chunks(file: BinaryIO, kind: str, at: int) -> bool:
    """Whether ``file`` is made of chunks from ``at`` to its end, like those after the sound of a closed file."""
    found = list(_chunks(file, _LAYOUTS[kind], at))
    named = all(name.isascii() and name.decode("ascii").isprintable() for name, _, _ in found)
    return bool(found) and named and abs(found[-1][2] + found[-1][1] - _size(file)) <= 1


def _goes_on(file: BinaryIO, kind: str, sound: _Sound) -> bool:
    """Whether at least as many bytes as the header declares follow the sound, and begin neither as a chunk nor with
    zeros: the header was written before the sound, and not again."""
    declared = sound.declared or 0
    end = sound.at + declared
    file.seek(end + (-declared % _LAYOUTS[kind].align if kind in _LAYOUTS else 0))
    name = file.read(_NAME)
    is_chunk = kind in _LAYOUTS and name.isascii() and name.decode("ascii").isprintable()
    return _size(file) - end >= declared and not is_chunk and any(name)


def _has_last_page(file: BinaryIO) -> bool:
    """Whether an Ogg stream consists of whole pages up to one that is marked as its last."""
    size, at, flags = _size(file), 0, 0
    while at < size:
        file.seek(at)
        page = file.read(27)
        if len(page) < 27 or not page.startswith(b"OggS"):
            break
        lengths = file.read(page[26])
        at += 27 + page[26] + sum(lengths)
        if at > size:
            return False
        flags = page[5]
    return bool(flags & 4)


def _closed_flac(file: BinaryIO) -> io.RawIOBase | None:
    """A FLAC file that does not tell its number of samples, with it filled in by the number of its last frame."""
    file.seek(0)
    head = file.read(26)
    if head[:4] != b"fLaC" or len(head) < 26 or head[21] & 0x0F or any(head[22:26]):
        return None
    tail = min(_size(file), _LONGEST_FRAME)
    file.seek(-tail, io.SEEK_END)
    n_samples = _last_sample(file.read(tail), int.from_bytes(head[8:10]))
    return _Patched(file, 21, (head[21] << 32 | n_samples).to_bytes(5))


def _last_sample(tail: bytes, block_size: int) -> int:
    """The number of samples to the end of the last frame that begins in ``tail``; 0 if none does."""
    at = len(tail)
    while (at := tail.rfind(b"\xff", 0, at)) >= 0:
        head = tail[at : at + 16]
        if len(head) < 7 or head[1] & 0xFE != 0xF8:
            continue
        n_more = max(0, 8 - (~head[4] & 0xFF).bit_length() - 1)  # leading ones except the first, as in UTF-8
        number = head[4] & (0x7F if n_more == 0 else 0x3F >> n_more)
        for byte in head[5 : 5 + n_more]:
            number = number << 6 | byte & 0x3F
        end, code = 5 + n_more, head[2] >> 4
        n_extra = {6: 1, 7: 2}.get(code, 0)
        length = int.from_bytes(head[end : end + n_extra]) + 1 if n_extra else _FLAC_BLOCKS.get(code, 0)
        end += n_extra + {12: 1, 13: 2, 14: 2}.get(head[2] & 0x0F, 0)
        if length and end < len(head) and _crc8(head[:end]) == head[end]:
            return (number if head[1] & 1 else number * block_size) + length
    return 0


def _crc8(some: bytes) -> int:
    crc = 0
    for byte in some:
        crc ^= byte
        for _ in range(8):
            crc = crc << 1 ^ (0x107 if crc & 0x80 else 0)
    return crc
