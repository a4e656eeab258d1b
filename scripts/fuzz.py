"""``python scripts/fuzz.py [N] [SEED]``: reads N files as strangers or accidents make them; each has to be read or
refused.

Every input is one of the project's own files, changed: some of its bytes, or one of its values replaced by an invalid
one, with the checksum recomputed. An input fails if it causes an exception that no command would explain, takes more
than SLOWEST_S of CPU time, or needs more memory than LARGEST_MB in all. The script prints a JSON object for each kind,
one for the whole, and one for each input that fails, which ``fuzz.input(kind, number, seed, folder)`` makes again; the
exit status is then 1.
"""

from __future__ import annotations

import faulthandler
import io
import json
import math
import random
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import numpy as np
import soundfile
import torch
import yaml

from speech.audio import endpointing, files
from speech.common import seal
from speech.config import compose, objects
from speech.data.recordings import Manifest
from speech.evaluation.report import Environment
from speech.inference import enrolment
from speech.inference.runtime import Runtime
from speech.model import torch_file
from speech.model.recognizer import PARTS, Recognizer
from speech.pretrained import EXPORTED, shipped
from speech.text.alphabet import Alphabet
from speech.text.names import distinct, read_names
from speech.text.phones import Inventory
from speech.tts.espeak import Espeak
from speech.tts.voice import Voice

SLOWEST_S = 5.0
LONGEST_S = 3_600.0  # of wall-clock time
LARGEST_MB = 2_000
EXPLAINED = objects.UNAVAILABLE  # exceptions that a command reports in one line
RATE = 16_000
ODD: list[Any] = [None, True, -1, 0, 7, 10**30, -0.5, 1e300, math.nan, math.inf]
ODD += ["", "a", "é\x1b[2J\r\u2028", "x" * 10_000]
ODD += [[], {}, [[]], [0.5] * 3, {"a": 1}, "${oc.env:HOME}", "${seed}", {"_target_": "os.system", "command": "false"}]
ODD += [{"_target_": "speech.common.storage.write_text", "path": "written", "text": ""}, "/etc/passwd", "\x00", b"\xff"]


@cache
def _parts() -> dict[str, Any]:
    config = compose.compose("train", ["encoder.n_units=8", "encoder.n_layers=1", "phones=true"])
    return {part: compose.plain(config[part]) for part in PARTS}


@cache
def _recognizer() -> dict[str, Any]:
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        Recognizer(_parts(), ["Anna", "Bob"]).save(Path(folder) / "recognizer.pt")
        return torch_file.read(Path(folder) / "recognizer.pt")


@cache
def _config() -> Any:
    return compose.compose("train", ["run_dir=run"])


@cache
def _sounds() -> list[bytes]:
    found = []
    for kind in ("WAV", "FLAC", "OGG", "MP3"):
        encoded = io.BytesIO()
        soundfile.write(encoded, *_spoken(), format=kind)
        found.append(encoded.getvalue())
    return found


@cache
def _spoken() -> tuple[Any, int]:
    """A spoken name: samples and their rate."""
    return Espeak().speak("Anna", Voice("espeak", "en-US", "f1"), np.random.default_rng(0))


def changed(content: bytes, rng: random.Random) -> bytes:
    """``content`` with a few of its bytes changed, cut out, repeated or added."""
    found = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 8])):
        at, n = rng.randrange(len(found) + 1), rng.choice([1, 2, 16, 1_000])
        how = rng.randrange(5)
        if how == 0 and found:
            found[at % len(found)] ^= 1 << rng.randrange(8)
        elif how == 1:
            del found[at : at + n]
        elif how == 2:
            found[at:at] = found[at : at + n]
        elif how == 3:
            found[at : at + n] = rng.randbytes(n)
        else:
            del found[at:]
    return bytes(found)


def altered(node: Any, rng: random.Random) -> Any:
    """``node``, plain data, with one of its values changed, removed or added."""
    if isinstance(node, dict) and node and rng.random() < 0.9:
        key, how = rng.choice(list(node)), rng.random()
        if how < 0.05:
            return {name: value for name, value in node.items() if name != key}
        return node | ({"more": rng.choice(ODD)} if how < 0.1 else {key: altered(node[key], rng)})
    if isinstance(node, list | tuple) and node and rng.random() < 0.8:
        at = rng.randrange(len(node))
        return [*node[:at], altered(node[at], rng), *node[at + 1 :]]
    if isinstance(node, torch.Tensor) and rng.random() < 0.5:
        return rng.choice([node[:1], node.double(), node * math.nan, node.expand(2, *node.shape), node.to_sparse()])
    return rng.choice(ODD)


def config(path: Path, rng: random.Random) -> Callable[[], object]:
    plain = compose.plain(_config()) if rng.random() < 0.5 else yaml.safe_load(_yaml())
    text = yaml.safe_dump(altered(plain, rng)).encode() if rng.random() < 0.7 else changed(_yaml(), rng)
    path.with_name("config.yaml").write_bytes(text)

    def read() -> None:
        found = compose.saved(path.parent, "train")
        for part in ("frontend", "augment", "optimizer", "scheduler", "gradients", "decoder"):
            objects.instantiate(found.get(part))

    return read


@cache
def _yaml() -> bytes:
    return yaml.safe_dump(compose.plain(_config())).encode()


def recognizer(path: Path, rng: random.Random) -> Callable[[], object]:
    whole = rng.random() < 0.3
    path.write_bytes(changed(torch_file.to_bytes(_recognizer()), rng) if whole else _resealed(rng))
    return lambda: Recognizer.load(path).transcribe(_spoken())


def _resealed(rng: random.Random) -> bytes:
    content = altered(_recognizer(), rng)
    return torch_file.to_bytes(content if isinstance(content, dict) else {"parts": content})


def exported(path: Path, rng: random.Random) -> Callable[[], object]:
    content = shipped(EXPORTED).read_bytes()
    if rng.random() < 0.5:
        path.with_suffix(".onnx").write_bytes(changed(content, rng))
    else:  # a later entry of the metadata overrides an earlier one
        keys = ["format", "alphabet", "sample_rate", "samples_per_frame", "names", "decoder", "phones"]
        key = rng.choice([*keys, "pronunciations", "phones_weight", "label_prior", "rejection"])
        content += _entry(key, json.dumps(rng.choice(ODD), default=str))
        path.with_suffix(".onnx").write_bytes(seal.sealed(content))
    return lambda: Runtime(path.with_suffix(".onnx")).transcribe(_spoken(), ["Anna", "Bob"])


def _entry(key: str, value: str) -> bytes:
    """An entry of ONNX's metadata, as protobuf writes it."""
    inside = b"".join(
        tag + _varint(len(text)) + text for tag, text in ((b"\n", key.encode()), (b"\x12", value.encode()))
    )
    return b"\x72" + _varint(len(inside)) + inside


def _varint(n: int) -> bytes:
    return bytes([n & 127 | 128, *_varint(n >> 7)]) if n > 127 else bytes([n])


def names(path: Path, rng: random.Random) -> Callable[[], object]:
    path.write_bytes(changed("Anna\nBob\nSiobhan = shivawn, /ʃɪˈvɔːn/\nZoë\nD’Angelo\n\nMary Ann\n".encode(), rng))
    return lambda: distinct(read_names(str(path)), Alphabet())


def manifest(path: Path, rng: random.Random) -> Callable[[], object]:
    place = path.with_suffix(rng.choice([".csv", ".jsonl"]))
    clips = [path.with_name(f"{i}{path.name}") for i in range(6)]
    rows = [{"path": one.name, "text": "Anna", "speaker": f"s{i}", "accent": "en"} for i, one in enumerate(clips)]
    if place.suffix == ".csv":
        text = "\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)])
    else:
        text = "\n".join(json.dumps(altered(row, rng), default=str) for row in rows)
    for one in clips:
        one.touch()
    place.write_bytes(changed(text.encode(), rng))
    return lambda: Manifest(str(place)).items(Alphabet())


def enrolled(path: Path, rng: random.Random) -> Callable[[], object]:
    one = {"letters": [["anna", -0.1]], "phones": [["a", -0.1]], "n_recordings": 1, "spelled": True}
    content = altered({"format": 1, "names": {"Anna": one}}, rng)
    path.write_bytes(changed(json.dumps(content, default=str).encode(), rng) if rng.random() < 0.3 else _json(content))
    return lambda: enrolment.read(path, Alphabet(), Inventory())


def environment(path: Path, rng: random.Random) -> Callable[[], object]:
    path.write_bytes(_json(altered({"git_commit": None, "python": "3", "packages": {"a": "1"}}, rng)))
    return lambda: Environment.read(path)


def _json(content: Any) -> bytes:
    return json.dumps(content, default=str).encode()


def sound(path: Path, rng: random.Random) -> Callable[[], object]:
    path.write_bytes(changed(rng.choice(_sounds()), rng))
    return lambda: endpointing.trim_silence(files.read(path, RATE), RATE)


KINDS = (config, recognizer, exported, names, manifest, enrolled, environment, sound)


def input(kind: str, number: int, seed: int, folder: Path) -> Callable[[], object]:
    """Write the files of input ``number`` of ``kind`` into ``folder``; returns the function that reads them."""
    (make,) = (one for one in KINDS if one.__name__ == kind)
    return make(folder / f"{kind}-{number}", random.Random(f"{kind} {number} {seed}"))


def run(n: int, seed: int) -> Iterator[dict[str, Any]]:
    """Read ``n`` inputs; yields a report of each failure, of each kind, and of the whole."""
    failed = 0
    for i, make in enumerate(KINDS):
        kind, share = make.__name__, (n + i) // len(KINDS)
        ends, slowest = Counter(read=0, refused=0, failed=0), 0.0
        for number in range(share):
            with tempfile.TemporaryDirectory() as folder:
                action = input(kind, number, seed, Path(folder))
                end, seconds, reason = _tried(action)
            slowest = max(slowest, seconds)
            ends[end] += 1
            if end == "failed":
                yield {"kind": kind, "number": number, "seed": seed, "reason": reason, "seconds": round(seconds, 2)}
        failed += ends["failed"]
        yield {"kind": kind, **ends, "slowest_s": round(slowest, 2)}
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1_000 if sys.platform == "linux" else 1e6)
    failed += megabytes > LARGEST_MB
    yield {"inputs": n, "failed": failed, "peak_memory_mb": round(megabytes)}


class _Hang(BaseException):
    """Reading takes four times SLOWEST_S of CPU time."""


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _Hang


def _tried(action: Callable[[], object]) -> tuple[str, float, str]:
    """How reading ends (read, refused or failed), the CPU seconds, and the reason of a failure."""
    signal.signal(signal.SIGPROF, _stop)
    faulthandler.dump_traceback_later(LONGEST_S, exit=True)  # for code that does not return to Python
    began = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, 4 * SLOWEST_S)  # not wall-clock time: the machine may be busy with other work
    try:
        action()
        end, reason = "read", ""
    except EXPLAINED as error:
        end, reason = "refused", str(error)
    except _Hang:
        end, reason = "failed", "does not terminate"
    except Exception as error:
        end, reason = "failed", f"{type(error).__name__}: {str(error)[:300]}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    seconds = time.process_time() - began
    faulthandler.cancel_dump_traceback_later()
    return ("failed", seconds, reason or "too slow") if seconds > SLOWEST_S else (end, seconds, reason)


def main() -> None:
    n, seed = (int(text) for text in (*sys.argv[1:], *("10000", "0")[len(sys.argv) - 1 :]))
    warnings.simplefilter("ignore")
    found: dict[str, Any] = {}
    for found in run(n, seed):
        print(json.dumps(found), flush=True)
    sys.exit(found["failed"] > 0)


if __name__ == "__main__":
    main()
