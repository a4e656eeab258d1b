"""The clips of a source on disk: rendered, end-pointed, written as FLAC, and listed in a Lhotse CutSet.

    CACHE/<source>-<key>/clips/<shard>/<id>.flac    the name alone, or the whole sentence, mono, 16 bit
                         shards/<shard>.jsonl.gz    a finished shard: its clips with checksums, and the refused ones
                         cuts.jsonl.gz              the CutSet; written last, so a folder that has it is complete
                         refused.jsonl              each clip that is not in the CutSet, and the reason
                         low_quality.jsonl          each recording in the CutSet that is clipped or too quiet

The key is a digest of everything that affects the clips. An interrupted build continues with the first missing shard. A
rebuilt corpus is identical to the bit, whatever the number of processes. Paths are relative to the folder. A shard that
is damaged, or lacks a clip, is rendered again. A complete corpus is only read, so that a cache may be shared and
read-only.
"""

from __future__ import annotations

import ast
import functools
import gzip
import hashlib
import json
import multiprocessing
import os
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from speech.audio import endpointing, files
from speech.audio.quality import level_faults
from speech.common import processes, storage
from speech.common.counting import counted
from speech.data.source import CorpusError, Item, Refusal, Source
from speech.text import espeak
from speech.text.alphabet import Alphabet
from speech.tts.voice import VoiceError

SHARD = 100  # clips, which take the fastest engine 0.2 s and the slowest a minute
PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Corpus:
    """A built corpus: its folder, the ``refused`` clips, and the recordings in it of ``low_quality``."""

    folder: Path
    refused: list[Refusal]
    low_quality: list[Refusal] = field(default_factory=list)

    @property
    def cuts_path(self) -> Path:
        return self.folder / "cuts.jsonl.gz"


def build(
    source: Source[Any], alphabet: Alphabet, sample_rate: int, cache_dir: str | Path, n_workers: int | None = None
) -> Corpus:
    """The corpus of ``source``, from ``cache_dir`` or built there by ``n_workers`` processes (None: one per core).

    Raises CorpusError if no clip is usable or nothing can be written, and OSError if the disk is full; finished shards
    are kept.
    """
    items, refused = source.items(alphabet)
    folder = Path(cache_dir).resolve() / f"{source.name}-{_key(source, items, refused, alphabet, sample_rate)}"
    shards = {f"{i // SHARD:05d}": items[i : i + SHARD] for i in range(0, len(items), SHARD)}
    lines = _read_shards(folder, shards)
    if not _is_whole(folder, lines):
        with ExitStack() as alone:
            try:
                (folder / "shards").mkdir(parents=True, exist_ok=True)
                alone.enter_context(storage.one_writer(folder))
            except OSError as error:
                raise CorpusError(
                    f"{folder}: missing or damaged, and cannot be made there ({error.strerror}): give a cache_dir=DIR "
                    "that can be written"
                ) from error
            lines = _read_shards(folder, shards)  # another process may have built them
            if not _is_whole(folder, lines):
                missing = {shard: items for shard, items in shards.items() if lines[shard] is None}
                _render(source, folder, sample_rate, missing, len(items), n_workers or os.cpu_count() or 1)
                lines = _read_shards(folder, shards)
                _write_manifest(folder, lines, refused, alphabet, sample_rate)
    return Corpus(folder, *_refusals(lines, refused))


Lines = list[dict[str, Any]]  # of a shard, one per clip


def _read_shards(folder: Path, shards: Mapping[str, list[Any]]) -> dict[str, Lines | None]:
    """The lines of each shard; None for one that is missing or damaged, or that lacks a clip."""
    if not folder.is_dir():
        return dict.fromkeys(shards)
    with ThreadPoolExecutor() as pool:
        return dict(zip(shards, pool.map(partial(_read_shard, folder), shards), strict=True))


def _read_shard(folder: Path, shard: str) -> Lines | None:
    try:
        lines = read_lines(_shard_path(folder, shard))
        whole = all("refused" in line or checksum(folder / line["path"]) == line["crc32"] for line in lines)
    except (EOFError, OSError, ValueError, zlib.error):
        return None
    return lines if whole else None


def read_lines(path: Path) -> Lines:
    """The lines of a shard's list. Raises EOFError, ValueError, OSError or zlib.error for a damaged one."""
    return [storage.parse_json(line.decode()) for line in storage.unpacked(path).splitlines()]


def checksum(path: Path) -> int:
    """The checksum of a clip, as its shard's list has it."""
    return zlib.crc32(storage.bounded_bytes(path))


def _is_whole(folder: Path, lines: Mapping[str, Lines | None]) -> bool:
    try:
        storage.unpacked(folder / "cuts.jsonl.gz")
    except (EOFError, OSError, ValueError, zlib.error):
        return False
    return None not in lines.values()


def _refusals(lines: Mapping[str, Lines | None], refused: list[Refusal]) -> tuple[list[Refusal], list[Refusal]]:
    """The refused clips (``refused`` before, or when they were rendered), and the recordings of low quality."""
    every = [line for some in lines.values() for line in some or ()]
    rendered = [Refusal(**line["refused"]) for line in every if "refused" in line]
    faulty = [Refusal(line["origin"], "; ".join(line["faults"])) for line in every if line.get("faults")]
    return [*refused, *rendered], faulty


def _key(source: Source[Any], items: list[Any], refused: list[Refusal], alphabet: Alphabet, sample_rate: int) -> str:
    digest = hashlib.sha256()
    shaping = [source.identity, alphabet.letters, sample_rate, *map(asdict, items), *map(asdict, refused)]
    digest.update(json.dumps(shaping).encode())
    for path in _code():
        digest.update(_what_it_does(path.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()[:16]


def _code() -> list[Path]:
    """The modules that a clip passes through before it is on disk."""
    names = [f"audio/{name}" for name in ("files", "containers", "media", "limits", "endpointing")]
    names += ["text/espeak", "text/mnemonics"]
    names += [f"data/{name}" for name in ("build", "recipes", "recordings", "source", "synthetic")]
    return [*(PACKAGE / f"{name}.py" for name in names), *sorted(PACKAGE.glob("tts/*.py"))]


@functools.cache  # it is called for many corpora
def _what_it_does(code: str) -> str:
    """``code`` without comments, docstrings and layout."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.unparse(tree)


def _render(
    source: Source[Any], folder: Path, sample_rate: int, missing: dict[str, list[Any]], n_clips: int, n_workers: int
) -> None:
    """Render the ``missing`` shards of a corpus of ``n_clips``."""
    done = n_clips - sum(map(len, missing.values()))
    with tqdm(total=n_clips, initial=done, desc="corpus", unit=" clips", smoothing=0, mininterval=1) as progress:
        if len(missing) <= 2 or n_workers == 1:  # starting processes would take longer
            for shard, items in missing.items():
                progress.update(_render_shard(source, folder, sample_rate, shard, items))
            return
        # spawn: the engines' C libraries are not safe to fork
        context = multiprocessing.get_context("spawn")
        workers = ProcessPoolExecutor(n_workers, context, initializer=processes.end_with_parent)
        with workers as pool, processes.no_children_left():
            futures = [
                pool.submit(_render_shard, source, folder, sample_rate, shard, items)
                for shard, items in missing.items()
            ]
            try:
                for future in as_completed(futures):
                    progress.update(future.result())
            except BrokenProcessPool as error:
                raise CorpusError(
                    f"{folder}: a process that renders was killed (was there too little memory?): run it again, it "
                    "continues from here"
                ) from error


def _shard_path(folder: Path, shard: str) -> Path:
    return folder / "shards" / f"{shard}.jsonl.gz"


def _render_shard(source: Source[Any], folder: Path, sample_rate: int, shard: str, items: list[Item]) -> int:
    """Render ``items``, then write the shard's list; returns the number of items."""
    clips = folder / "clips" / shard
    clips.mkdir(parents=True, exist_ok=True)
    storage.remove_parts(clips)
    lines: Lines = []
    espeak.restart()  # the sounds of a shard depend on no other shard
    for item in items:
        try:
            sound = source.render(item, sample_rate)
            waveform = endpointing.trim_silence(sound, sample_rate)[0] if item.trim else sound
        except (files.AudioError, endpointing.NoSpeechError, VoiceError) as error:
            lines.append({"refused": asdict(Refusal(getattr(item, "path", item.id), str(error)))})
            continue
        path = clips / f"{item.id}.flac"
        files.write(path, waveform, sample_rate)
        known = {"id": item.id, "text": item.text, "speaker": item.speaker, "accent": item.accent, "split": item.split}
        place = path.relative_to(folder).as_posix()
        written = {"path": place, "crc32": checksum(path), "n_samples": len(waveform)}
        origin = getattr(item, "path", "")  # the path of a recording
        recorded = {"origin": origin, "rate": files.rate_of(origin) if origin else 0}
        faults = level_faults(sound, waveform) if origin else []
        lines.append(known | written | recorded | {"weight": item.weight, "say": item.say, "faults": faults})
    # gzip's own checksum distinguishes a complete list from a damaged one.
    storage.write_bytes(_shard_path(folder, shard), gzip.compress(_as_json_lines(lines).encode(), mtime=0))
    return len(items)


def _as_json_lines(lines: Lines) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


def _write_manifest(
    folder: Path, lines: Mapping[str, Lines | None], refused: list[Refusal], alphabet: Alphabet, sample_rate: int
) -> None:
    from lhotse import AudioSource, CutSet, MonoCut, Recording, SupervisionSegment  # takes 1.7 s to import

    def cuts() -> Iterator[MonoCut]:
        for line in (line for some in lines.values() for line in some or () if "refused" not in line):
            id, n_samples = line["id"], line["n_samples"]
            duration = n_samples / sample_rate
            source = AudioSource("file", [0], line["path"])
            supervision = SupervisionSegment(id, id, 0.0, duration, text=alphabet.fold(line["text"]))
            supervision.speaker, supervision.language = line["speaker"], line["accent"] or "en"
            custom = {key: line[key] for key in ("split", "origin", "rate", "weight", "say")} | {"name": line["text"]}
            recording = Recording(id, [source], sample_rate, n_samples, duration)
            yield MonoCut(id, 0.0, duration, 0, [supervision], recording=recording, custom=custom)

    storage.remove_parts(folder)
    all_refused, low_quality = _refusals(lines, refused)
    if all("refused" in line for some in lines.values() for line in some or ()):
        raise CorpusError(f"none of {counted(len(all_refused), 'clip')} is usable; the first: {all_refused[0].reason}")
    with storage.whole(folder / "cuts.jsonl.gz") as part:
        CutSet.from_cuts(cuts()).to_file(part)
        for name, some in (("refused", all_refused), ("low_quality", low_quality)):
            storage.write_text(folder / f"{name}.jsonl", _as_json_lines(list(map(asdict, some))))
