"""The checksum inside recognisers' files, exported models and checkpoints.

The last 64 bytes of a sealed file are the SHA-256, in hexadecimal, of all bytes before them. They are at a place where
every reader of the format expects text: in the comment at the end of a zip archive (torch's files), or in an entry
``sha256`` of the metadata of an ONNX file.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from pathlib import Path

LARGEST = 1 << 30  # bytes: larger files are not read
_N_HEX = 64
_ZIP = b"sha256:"
_ZIP_END = 22  # bytes of the record that ends an archive without a comment; its last two are the comment's length
# An entry of ModelProto.metadata_props (field 14), appended to the message: key (field 1) and value (field 2).
_ONNX = b"\x72\x4a\x0a\x06sha256\x12\x40"


class DamagedError(ValueError):
    """A file is not, byte for byte, as it was written."""


def sealed(content: bytes) -> bytes:
    """``content``, a zip archive without a comment or an ONNX model, with its checksum appended."""
    if content[-_ZIP_END:].startswith(b"PK\x05\x06"):
        content = content[:-2] + struct.pack("<H", len(_ZIP) + _N_HEX) + _ZIP
    else:
        content += _ONNX
    return content + hashlib.sha256(content).hexdigest().encode()


def is_sealed(content: bytes) -> bool:
    """Whether ``content`` ends with the checksum of all before it, so that every bit is as it was written."""
    return content[-_N_HEX:] == hashlib.sha256(content[:-_N_HEX]).hexdigest().encode()


def read(path: Path) -> bytes:
    """The bytes of ``path``. Raises DamagedError, without reading the file, if there are more than LARGEST."""
    if path.stat().st_size > LARGEST:
        raise DamagedError(f"over {LARGEST >> 20} MiB")
    return path.read_bytes()


def check_archive(content: bytes) -> None:
    """Raise DamagedError for a zip archive that takes more memory than its size, or whose CRC-32s are wrong."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if any(one.compress_type != zipfile.ZIP_STORED for one in entries):
                raise DamagedError("a compressed archive")
            if sum(one.file_size for one in entries) > len(content):
                raise DamagedError("an archive whose entries overlap")
            damaged = archive.testzip()
    # All that zipfile raises on damaged bytes: an unknown method, encryption, an impossible name or offset.
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, OSError, zlib.error) as error:
        raise DamagedError(f"not a torch archive: {error}") from error
    if damaged is not None:
        raise DamagedError(f"{damaged!r} in it is damaged")
