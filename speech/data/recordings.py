"""Recordings of people: a folder for each name, or a manifest of files. Splits never share a speaker."""

from __future__ import annotations

import csv
import io
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speech.audio import files
from speech.audio.files import Waveform
from speech.common import storage
from speech.common.counting import counted
from speech.data.source import CorpusError, Item, Refusal
from speech.text.alphabet import Alphabet, TextError


@dataclass(frozen=True)
class Recording(Item):
    path: str
    size: int  # bytes; with the time of the last change it is part of the corpus's key
    changed_ns: int


@dataclass(frozen=True)
class _Found:
    path: Path
    text: str
    speaker: str
    accent: str = ""
    line: str = ""  # its line in the manifest, FILE:NUMBER

    def refusal(self, reason: str) -> Refusal:
        return Refusal(self.line or str(self.path), f"{self.line}: {reason}" if self.line else reason)


class _Recordings(ABC):
    """Recordings of people, however the files are found."""

    name: str
    nothing: str  # the message if there are no recordings
    names = None
    trim = True  # whether recordings are trimmed to the name

    def __init__(self, val_speakers: int, test_speakers: int, seed: int) -> None:
        self.n_speakers = {"test": test_speakers, "val": val_speakers}
        self.seed = seed

    @property
    def identity(self) -> str:
        return "files"  # each item has the size and time of its file

    @abstractmethod
    def _find(self) -> Iterator[_Found | Refusal]: ...

    def splits_of(self, speakers: set[str]) -> dict[str, str]:
        """The split of each speaker."""
        return split_speakers(speakers, self.n_speakers, self.seed)

    def items(self, alphabet: Alphabet) -> tuple[list[Recording], list[Refusal]]:
        found, refused = [], []
        for one in self._find():
            if isinstance(one, Refusal):
                refused.append(one)
                continue
            try:
                alphabet.fold(one.text)
                found.append((one, one.path.stat()))
            except TextError as error:
                refused.append(one.refusal(str(error)))
            except OSError:
                refused.append(one.refusal(f"{one.path}: no such file"))
        if not found:
            raise CorpusError(f"no usable recordings: {refused[0].reason if refused else self.nothing}")
        split = self.splits_of({one.speaker for one, _ in found})
        return [
            Recording(
                f"{i:06d}-{re.sub('[^a-z]+', '_', alphabet.fold(one.text))[:40]}-{_shortened(one.path.stem)}",
                one.text,
                one.speaker,
                one.accent,
                split[one.speaker],
                str(one.path),
                stat.st_size,
                stat.st_mtime_ns,
                trim=self.trim,
            )
            for i, (one, stat) in enumerate(found)
        ], refused

    def render(self, item: Recording, sample_rate: int) -> Waveform:
        return files.read(item.path, sample_rate)


def _shortened(stem: str) -> str:
    """The start of a file's name, in 80 bytes of UTF-8: a name may have 255, and the clip's id has more before it."""
    return stem.encode(errors="replace")[:80].decode(errors="ignore")


class Folder(_Recordings):
    """``root/<name>/*.wav``, or other sound files. The folder's name is the text, unless it begins with _ or a dot.

    ``speaker_pattern`` is a regular expression whose first group is the speaker in a file's name; the speaker of a file
    that it does not match is ``unknown``.
    """

    def __init__(
        self,
        root: str,
        speaker_pattern: str = "^([^_]+)_",
        val_speakers: int = 1,
        test_speakers: int = 2,
        seed: int = 0,
    ) -> None:
        super().__init__(val_speakers, test_speakers, seed)
        self.name = "folder"
        self.root, self.speaker_pattern = Path(root).expanduser().resolve(), re.compile(speaker_pattern)
        if not self.root.is_dir():
            raise CorpusError(f"corpus.root={root}: no such folder; it has to contain a folder for each name")
        self.nothing = f"corpus.root={root} has no folder of a name that contains sound files"

    def _find(self) -> Iterator[_Found | Refusal]:
        for folder in sorted(self.root.iterdir()):
            if not folder.is_dir():
                if files.is_clip(folder):
                    yield Refusal(str(folder), f"{folder}: skipped: it is not in the folder of a name")
                continue
            if folder.name.startswith(("_", ".")):  # _background_noise_
                if any(map(files.is_clip, folder.iterdir())):
                    reason = f"skipped: a folder whose name begins with {folder.name[0]} is not for a name"
                    yield Refusal(str(folder), f"{folder}: {reason}")
                continue
            for path in sorted(folder.iterdir()):
                if files.is_clip(path):
                    match = self.speaker_pattern.search(path.name)
                    yield _Found(path, folder.name, match.group(1) if match else "unknown")
                elif path.is_dir() and any(map(files.is_clip, path.rglob("*"))):
                    yield Refusal(
                        str(path), f"{path}: skipped: recordings of a name belong in its own folder, {folder}"
                    )


class Manifest(_Recordings):
    """A CSV (with a header; commas, semicolons or tabs) or JSONL file of ``path, text, speaker`` and, where known,
    ``accent``.

    Paths are relative to the manifest's own folder. Without ``trim`` the recordings are whole sentences and are not
    trimmed.
    """

    def __init__(
        self, path: str, val_speakers: int = 1, test_speakers: int = 2, seed: int = 0, trim: bool = True
    ) -> None:
        super().__init__(val_speakers, test_speakers, seed)
        self.name, self.trim = "manifest", trim
        self.path = Path(path).expanduser().resolve()
        if not self.path.is_file():
            raise CorpusError(f"corpus.path={path}: no such manifest; give a CSV or JSONL file of path, text, speaker")
        self.nothing = f"corpus.path={path} has no line with path, text and speaker"

    def _rows(self) -> Iterator[tuple[int, Any]]:
        """Line number and row; the text of the error in place of an unreadable row."""
        try:
            file = io.StringIO(self.path.read_bytes().decode("utf-8-sig"), newline="")
        except UnicodeDecodeError as error:
            raise CorpusError(f"corpus.path={self.path}: not text in UTF-8 ({error}): save it as such") from error
        if self.path.suffix.lower() == ".csv":
            header = file.readline()
            file.seek(0)
            separator = max(",;\t", key=header.count)
            reader = csv.DictReader(file, delimiter=separator, skipinitialspace=True)
            reader.fieldnames = [name.strip() for name in reader.fieldnames or []]
            if missing := {"path", "text", "speaker"} - set(reader.fieldnames):
                raise CorpusError(
                    f"{self.path}:1: the header has no {', '.join(sorted(missing))}: it needs path,text,speaker"
                )
            for row in reader:
                yield reader.line_num, row
        else:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    try:
                        yield number, storage.parse_json(line)
                    except ValueError as error:
                        yield number, f"not JSON ({error})"

    def _find(self) -> Iterator[_Found | Refusal]:
        first: dict[Path, tuple[str, str, str]] = {}  # text, speaker and line of each recording
        for number, row in self._rows():
            where = f"{self.path}:{number}"
            if not isinstance(row, dict):
                yield Refusal(where, f"{where}: {row!r} is not an object of path, text, speaker")
                continue
            # A value may be the number 0, as the first speaker's often is.
            given = {key: "" if row.get(key) is None else str(row[key]).strip() for key in ("path", "text", "speaker")}
            empty = [key for key, value in given.items() if not value]
            if empty:
                yield Refusal(where, f"{where}: {', '.join(empty)} is missing: each line has path, text and speaker")
                continue
            if None in row:  # csv's key for values beyond the header
                yield Refusal(where, f"{where}: more columns than the header: put a text with commas in quotes")
                continue
            path, text, speaker = self.path.parent / given["path"], given["text"], given["speaker"]
            if not path.is_file():
                yield Refusal(where, f"{where}: {path}: no such file")
                continue
            before = first.setdefault(path, (text, speaker, where))
            if before[:2] != (text, speaker):
                reason = f"{path} has another text or speaker in {before[2]}: each needs its own file"
                yield Refusal(where, f"{where}: {reason}")
                continue
            yield _Found(path, text, speaker, str(row.get("accent") or ""), where)


def split_speakers(speakers: set[str], n_speakers: dict[str, int], seed: int) -> dict[str, str]:
    """The split of each speaker: ``n_speakers`` in ``test`` and ``val``, drawn by ``seed``, the rest in ``train``."""
    held = sum(n_speakers.values())
    if len(speakers) <= held:
        raise CorpusError(
            f"{counted(len(speakers), 'speaker')} ({', '.join(sorted(speakers)[:5])}) cannot be split into "
            f"{n_speakers['test']} for the test, {n_speakers['val']} for validation and at least one to train on: name "
            "files <speaker>_<n>.wav (corpus.speaker_pattern), or lower corpus.test_speakers and corpus.val_speakers "
            "(to evaluate all of them: both 0, and split=all)"
        )
    drawn = np.random.default_rng(seed).permutation(np.array(sorted(speakers), object)).tolist()
    n_test = n_speakers["test"]
    return {s: "test" if i < n_test else "val" if i < held else "train" for i, s in enumerate(drawn)}
