"""The clips of a source on disk: rendered, end-pointed, written as FLAC, and listed in a Lhotse CutSet.

    CACHE/<source>-<key>/clips/<shard>/<id>.flac    the name alone, mono, 16 bit
                         shards/<shard>.jsonl       a finished shard: its clips, and those refused
                         cuts.jsonl.gz              the CutSet; written last, so a folder that has it is complete
                         refused.jsonl              each clip that is not in it, and the reason
                         low_quality.jsonl          each recording in it that clips or is too quiet

The key is a digest of everything that shapes the clips. A build that was interrupted continues with the first missing
shard. A rebuilt corpus is identical to the bit, whatever the number of processes.
"""

from __future__ import annotations

import ast
import hashlib
import json
import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from tqdm import tqdm

from speech.audio import endpointing, files
from speech.audio.quality import level_faults
from speech.common import storage
from speech.data.source import CorpusError, Item, Refusal, Source
from speech.text import espeak
from speech.text.alphabet import Alphabet
from speech.tts.voice import VoiceError

SHARD = 100  # clips: 0.2 s of work for the fastest engine, a minute for the slowest
PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Corpus:
    """A built corpus: its folder, the clips that are ``refused``, and the recordings in it of ``low_quality``."""

    folder: Path
    refused: list[Refusal]
    low_quality: list[Refusal] = field(default_factory=list)

    @property
    def cuts_path(self) -> Path:
        return self.folder / "cuts.jsonl.gz"


def build(
    source: Source[Any], alphabet: Alphabet, sample_rate: int, cache_dir: str | Path, n_workers: int | None = None
) -> Corpus:
    """The corpus of ``source``, from ``cache_dir`` or built there by ``n_workers`` processes (None: one a core).

    Raises CorpusError where no clip is usable, OSError where the disk is full; finished shards stay.
    """
    items, refused = source.items(alphabet)
    folder = Path(cache_dir).resolve() / f"{source.name}-{_key(source, items, refused, alphabet, sample_rate)}"
    (folder / "shards").mkdir(parents=True, exist_ok=True)
    corpus = Corpus(folder, refused)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"another process is building {folder}: waiting for it")
        lock.acquire()
    try:
        if not corpus.cuts_path.exists():
            shards = {f"{i // SHARD:05d}": items[i : i + SHARD] for i in range(0, len(items), SHARD)}
            _render_missing(source, folder, sample_rate, shards, n_workers or os.cpu_count() or 1)
            _write_manifest(folder, shards, refused, alphabet, sample_rate)
    finally:
        lock.release()
    return Corpus(folder, _read_refusals(folder / "refused.jsonl"), _read_refusals(folder / "low_quality.jsonl"))


def _read_refusals(path: Path) -> list[Refusal]:
    return [Refusal(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def _key(source: Source[Any], items: list[Any], refused: list[Refusal], alphabet: Alphabet, sample_rate: int) -> str:
    digest = hashlib.sha256()
    shaping = [source.identity, alphabet.letters, sample_rate, *map(asdict, items), *map(asdict, refused)]
    digest.update(json.dumps(shaping).encode())
    for path in _code():
        digest.update(_what_it_does(path.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()[:16]


def _code() -> list[Path]:
    """The modules that a clip passes until it is on disk."""
    names = [f"audio/{name}" for name in ("files", "containers", "media", "limits", "endpointing")]
    names += ["text/espeak", "text/mnemonics"]
    names += [f"data/{name}" for name in ("build", "recordings", "source", "synthetic")]
    return [*(PACKAGE / f"{name}.py" for name in names), *sorted(PACKAGE.glob("tts/*.py"))]


def _what_it_does(code: str) -> str:
    """``code`` without comments, docstrings and layout."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.unparse(tree)


def _render_missing(
    source: Source[Any], folder: Path, sample_rate: int, shards: dict[str, list[Any]], n_workers: int
) -> None:
    missing = {shard: items for shard, items in shards.items() if not _shard_path(folder, shard).exists()}
    total = sum(map(len, shards.values()))
    done = total - sum(map(len, missing.values()))
    with tqdm(total=total, initial=done, desc="corpus", unit=" clips", smoothing=0, mininterval=1) as progress:
        if len(missing) <= 2 or n_workers == 1:  # to start processes would take longer
            for shard, items in missing.items():
                progress.update(_render_shard(source, folder, sample_rate, shard, items))
            return
        # spawn: the engines' C libraries are not safe to fork
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(n_workers, context, initializer=_leave_interrupts_to_parent) as pool:
            futures = [
                pool.submit(_render_shard, source, folder, sample_rate, shard, items)
                for shard, items in missing.items()
            ]
            try:
                for future in as_completed(futures):
                    progress.update(future.result())
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise


def _leave_interrupts_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _shard_path(folder: Path, shard: str) -> Path:
    return folder / "shards" / f"{shard}.jsonl"


def _render_shard(source: Source[Any], folder: Path, sample_rate: int, shard: str, items: list[Item]) -> int:
    """Render ``items``, then write the shard's list; returns their number."""
    clips = folder / "clips" / shard
    clips.mkdir(parents=True, exist_ok=True)
    lines: list[dict[str, Any]] = []
    espeak.restart()  # the sounds of a shard depend on no other shard
    for item in items:
        try:
            sound = source.render(item, sample_rate)
            waveform, _ = endpointing.trim_silence(sound, sample_rate)
        except (files.AudioError, endpointing.NoSpeechError, VoiceError) as error:
            lines.append({"refused": asdict(Refusal(getattr(item, "path", item.id), str(error)))})
            continue
        path = clips / f"{item.id}.flac"
        files.write(path, waveform, sample_rate)
        known = {"id": item.id, "text": item.text, "speaker": item.speaker, "accent": item.accent, "split": item.split}
        written = {"path": str(path), "n_samples": len(waveform), "weight": item.weight, "say": item.say}
        origin = getattr(item, "path", "")  # of a recording
        lines.append(known | written | {"origin": origin, "faults": level_faults(sound, waveform) if origin else []})
    _write_lines(_shard_path(folder, shard), lines)
    return len(items)


def _write_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    storage.write_text(path, "".join(json.dumps(line) + "\n" for line in lines))


def _write_manifest(
    folder: Path, shards: dict[str, list[Any]], refused: list[Refusal], alphabet: Alphabet, sample_rate: int
) -> None:
    from lhotse import AudioSource, CutSet, MonoCut, Recording, SupervisionSegment  # takes 1.7 s to import

    all_refused = [asdict(one) for one in refused]
    low_quality: list[dict[str, Any]] = []

    def cuts() -> Iterator[MonoCut]:
        for shard in shards:
            for text in _shard_path(folder, shard).read_text(encoding="utf-8").splitlines():
                line = json.loads(text)
                if "refused" in line:
                    all_refused.append(line["refused"])
                    continue
                if line["faults"]:
                    low_quality.append(asdict(Refusal(line["origin"], "; ".join(line["faults"]))))
                id, n_samples = line["id"], line["n_samples"]
                duration = n_samples / sample_rate
                source = AudioSource("file", [0], line["path"])
                supervision = SupervisionSegment(id, id, 0.0, duration, text=alphabet.fold(line["text"]))
                supervision.speaker, supervision.language = line["speaker"], line["accent"] or "en"
                custom = {key: line[key] for key in ("split", "origin", "weight", "say")} | {"name": line["text"]}
                recording = Recording(id, [source], sample_rate, n_samples, duration)
                yield MonoCut(id, 0.0, duration, 0, [supervision], recording=recording, custom=custom)

    with storage.whole(folder / "cuts.jsonl.gz") as part:
        CutSet.from_cuts(cuts()).to_file(part)
        if not any(folder.glob("clips/*/*.flac")):
            raise CorpusError(f"none of {len(all_refused)} clips is usable; the first: {all_refused[0]['reason']}")
        _write_lines(folder / "refused.jsonl", all_refused)
        _write_lines(folder / "low_quality.jsonl", low_quality)
