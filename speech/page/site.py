"""The live page as a static folder: all that a browser needs to recognise names by itself, without other servers.

The sources are in ``web/``, plain JavaScript modules that mirror the Python packages. Beside them are the exported
recogniser and its finder, the grapheme-to-phoneme model, the CMU dictionary as phones, and onnxruntime-web's program
(an npm package, MIT), which ``scripts/install_onnxruntime_web.py`` fetches.

At first the page needs only the recogniser and the program: the pronunciations of its first names are in its settings.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speech import pretrained
from speech.common import storage
from speech.inference.pronounce import pronounce
from speech.inference.runtime import Runtime
from speech.text import lexicon
from speech.text.names import read_names

WEB = Path(__file__).parent / "web"
EXAMPLE: list[Any] = ["Martin", "Marvin", "Morton", "Mark", {"text": "Siobhan", "say": ["shivawn"]}]  # the first list
PACKAGE = "onnxruntime-web@1.30.0"
# The build without GPU, in its folder dist: the name of each file on the page, and its SHA-256.
PROGRAM = {
    "ort.wasm.bundle.min.mjs": (
        "onnxruntime.js",  # a server that does not know .mjs would not send it as a script
        "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    ),
    "ort-wasm-simd-threaded.wasm": (
        "onnxruntime.wasm",
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
    ),
}


def files(recognizer: Path, onnxruntime_web: Path) -> dict[str, bytes]:
    """Every file of the page by its name, ``index.html`` first.

    ``recognizer`` is an exported recogniser, ``onnxruntime_web`` the folder of ``PROGRAM``. Raises OSError or
    RecognizerError, with the way out, if either is missing or wrong.
    """
    found = {path.name: path.read_bytes() for path in sorted(WEB.iterdir(), key=lambda path: path.suffix != ".html")}
    found |= {name: program(onnxruntime_web, source) for source, (name, _) in PROGRAM.items()}
    if not recognizer.is_file():
        raise FileNotFoundError(f"recognizer={recognizer}: no such file: give one that python -m speech.export wrote")
    found["index.html"] = found["index.html"].replace(b"</title>\n", b"</title>\n" + _links(found).encode(), 1)
    found["recognizer.onnx"] = recognizer.read_bytes()
    finder = Runtime(recognizer).finder
    if finder:
        found["streaming.onnx"] = finder.path.read_bytes()
    found["settings.json"] = _settings("streaming.onnx" if finder else None).encode()
    found["g2p.onnx"] = pretrained.shipped(pretrained.G2P).read_bytes()
    found["lexicon.txt"] = _lexicon().encode()
    found["lexicon-licence.txt"] = lexicon.licence().encode()
    return found


def _links(found: Mapping[str, bytes]) -> str:
    """Links for the files to fetch at once; otherwise the browser would fetch them one by one, as it reads modules."""
    data = ("onnxruntime.wasm", "recognizer.onnx", "settings.json")
    links = [f'<link rel="preload" as="fetch" crossorigin href="{name}">\n' for name in data]
    modules = sorted(name for name in found if name.endswith(".js") and name not in ("boot.js", "capture.js"))
    return "".join(links + [f'<link rel="modulepreload" href="{name}">\n' for name in modules])


def _settings(finder: str | None) -> str:
    names = read_names(EXAMPLE)
    pairs = zip(names, pronounce(names), strict=True)
    example = [
        {
            "text": str(name),
            "say": list(getattr(name, "say", ())),
            "pronunciations": [{"phones": one.phones, "probability": one.probability} for one in pronunciations],
        }
        for name, pronunciations in pairs
    ]
    return json.dumps({"example": example, "finder": finder}, ensure_ascii=False)


def program(folder: Path, source: str) -> bytes:
    """The file ``source`` of ``PROGRAM`` in ``folder``. Raises OSError if it is missing or of another version."""
    path = folder / source
    if not path.is_file() or hashlib.sha256(content := path.read_bytes()).hexdigest() != PROGRAM[source][1]:
        raise OSError(
            f"{path}: not there, or not of {PACKAGE}: make page fetches it; without make: npm install {PACKAGE}, "
            "then onnxruntime_web=node_modules/onnxruntime-web/dist"
        )
    return content


def _lexicon() -> str:
    """The dictionary, one line per word: the word, a tab, its pronunciations separated by |, phones by spaces."""
    entries = lexicon.dictionary().items()
    return "".join(f"{word}\t{'|'.join(' '.join(one) for one in some)}\n" for word, some in entries)


def write(page: Mapping[str, bytes], folder: Path) -> None:
    """Write ``page`` into ``folder``, each file completely or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in page.items():
        with storage.whole(folder / name) as part:
            part.write_bytes(content)
