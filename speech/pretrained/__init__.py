"""What comes with the package: a recogniser of any list of names, its exported file and their card (CARD.md), which
``make pretrained`` makes; the recogniser of streams that finds names in running speech for it (STREAMING.md); and how
names are pronounced, a grapheme-to-phoneme model (G2P.md).

Each file's SHA-256 stands in SHA256SUMS.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

FOLDER = Path(__file__).parent
RECOGNIZER, EXPORTED = "recognizer.pt", "recognizer.int8.onnx"  # torch's, and onnxruntime's
STREAMING = "streaming.int8.onnx"  # finds names in running speech
G2P = "g2p.onnx"


def shipped(name: str) -> Path:
    """The path of a file that comes with the package. Raises OSError where it is not what was shipped."""
    path = FOLDER / name
    sums = dict(line.split()[::-1] for line in (FOLDER / "SHA256SUMS").read_text(encoding="ascii").splitlines())
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != sums.get(name):
        raise OSError(f"{path}: missing or damaged: install the package again")
    return path
