"""Data sets of the UCI Machine Learning Repository: read from a folder, or downloaded once to a cache and verified."""

from __future__ import annotations

import hashlib
import http.client
import io
import urllib.error
import urllib.request
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from speech.common.counting import counted
from speech.common.escape import printable
from speech.common.storage import write_bytes
from speech.lessons.baseline import N_FOLDS
from speech.lessons.result import Place
from speech.lessons.settings import blamed

TIMEOUT_S = 60
LEAST_ROWS = 20  # of each label


class DataError(ValueError):
    """Data are missing, damaged or malformed; the message names the file and what to do."""


class File(NamedTuple):
    """Its ``path`` in the data folder, its name (``member``) in the archive, and the SHA-256 of its own bytes."""

    path: str
    member: str
    sha256: str


class Source(NamedTuple):
    """An archive's public address, and the files taken from it."""

    url: str
    files: Sequence[File]


class Row(NamedTuple):
    text: str
    label: int


def find(source: Source, place: Place) -> list[Path]:
    """The files of ``source``: in ``place.data_dir`` if given, else in the cache, downloaded if needed.

    ``data_dir`` may use the archive's file names or ours, and its files may have other rows, which is printed. A
    downloaded file has to be the original, byte for byte. Raises DataError.
    """
    if place.data_dir is not None:
        return [_own(file, place.data_dir) for file in source.files]
    folder = place.cache_dir / "lessons"
    if not all((folder / file.path).is_file() for file in source.files):
        fetch(source, folder)
    for file in source.files:
        if _sha256((folder / file.path).read_bytes()) != file.sha256:
            raise DataError(f"{folder / file.path}: not the original (SHA-256): delete it to have it fetched again")
    return [folder / file.path for file in source.files]


def _own(file: File, data_dir: Path) -> Path:
    places = [data_dir / file.path, data_dir / file.member]
    found = [path for path in places if path.is_file()]
    if not found:
        raise DataError(f"data_dir={data_dir}: neither {places[0]} nor {places[1]} is there; data_dir=null fetches it")
    if _sha256(found[0].read_bytes()) != file.sha256:
        print(printable(f"{found[0]}: not the original (SHA-256): its figures are not those of docs/lessons.md"))
    return found[0]


def fetch(source: Source, folder: Path) -> None:
    """Download the files of ``source`` into ``folder``: all of them, verified, or none."""
    way_out = f"fetch and unpack {source.url} by other means, and give its folder as data_dir=DIR"
    try:
        with urllib.request.urlopen(source.url, timeout=TIMEOUT_S) as answer:
            archive = zipfile.ZipFile(io.BytesIO(answer.read()))
        contents = [archive.read(file.member) for file in source.files]
    except (OSError, http.client.HTTPException) as error:
        raise DataError(f"{source.url}: {getattr(error, 'reason', error)}; {way_out}") from error
    except (zipfile.BadZipFile, KeyError) as error:
        raise DataError(f"{source.url}: not the archive that is expected ({error}); {way_out}") from error
    for file, content in zip(source.files, contents, strict=True):
        if _sha256(content) != file.sha256:
            raise DataError(
                f"{source.url}: {file.member} has SHA-256 {_sha256(content)}, not {file.sha256}: damaged in transit, "
                f"or changed at the source; try again, or {way_out}"
            )
    for file, content in zip(source.files, contents, strict=True):
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, content)


def read_rows(path: Path, labels: Sequence[str], label_first: bool) -> list[Row]:
    """The rows of a tab-separated file, without duplicates: a text, and a label as an index into ``labels``.

    A duplicate could be in both splits, which would make every figure too good. Raises DataError, naming the line.
    """
    content = path.read_bytes()
    try:
        # Not splitlines: a film review contains a NEL (U+0085), at which it would end the line.
        lines = content.decode("utf-8-sig").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        n = error.object[: error.start].count(b"\n") + 1
        raise DataError(f"{path}, line {n}: not UTF-8 ({error.reason}): convert it, or leave data_dir out") from error
    rows: dict[Row, None] = {}
    for n, line in enumerate(lines, start=1):
        first, tab, last = line.partition("\t") if label_first else line.rpartition("\t")
        label, text = (first, last) if label_first else (last, first)
        if not tab or label.strip() not in labels or not text.strip():
            wanted = f"{'|'.join(labels)}<TAB>text" if label_first else f"text<TAB>{'|'.join(labels)}"
            raise DataError(f"{path}, line {n}: {line[:60]!r}: {wanted} is needed")
        rows[Row(text.strip(), labels.index(label.strip()))] = None
    return list(rows)


def require_enough(rows: Sequence[Row], labels: Sequence[str], where: Path) -> None:
    """Raise DataError unless each label has LEAST_ROWS: enough to split, and to cross-validate the baseline."""
    for label, name in enumerate(labels):
        n = sum(row.label == label for row in rows)
        if n < LEAST_ROWS:
            found = counted(n, "different row")
            raise DataError(f"{where}: {found} of label {name}, and at least {LEAST_ROWS} are needed")


def split(rows: Sequence[Any], labels: Sequence[int], test_part: float, seed: int) -> tuple[Any, Any]:
    """``rows`` split into training and test rows, stratified by label. Raises ValueError if either are too few."""
    from sklearn.model_selection import train_test_split

    with blamed(f"test_part={test_part}", "a number nearer to 0.5"):
        train, test, *parts = train_test_split(rows, labels, test_size=test_part, random_state=seed, stratify=labels)
        n_train, n_test = (min(Counter(part)[label] for label in set(labels)) for part in parts)
        if n_train < N_FOLDS or not n_test:
            raise ValueError(
                f"a label has {n_train} rows to train on and {n_test} to test on: {N_FOLDS} and 1 are needed"
            )
    return train, test


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
