import errno
import gzip
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from speech.audio import files
from speech.common import storage


def test_what_is_written_is_read_back(tmp_path):
    storage.write_json(tmp_path / "a.json", {"name": "Chloé", "n": 1})
    assert storage.read_json(tmp_path / "a.json") == {"name": "Chloé", "n": 1}
    storage.write_text(tmp_path / "a.txt", "Chloé\n")
    assert storage.read_text(tmp_path / "a.txt") == "Chloé\n"


def test_a_file_that_is_replaced_again_and_again_is_kept_each_time(tmp_path):
    path = tmp_path / "a.b.json"
    for n in range(3):
        storage.write_json(path, {"n": n})
        assert storage.keep(path).name == f"a.b.before-{n + 1}.json"
    assert [storage.read_json(tmp_path / f"a.b.before-{n}.json")["n"] for n in (1, 2, 3)] == [0, 1, 2]


def interrupted(path):
    path.write_text("half")
    raise KeyboardInterrupt


def test_a_write_that_fails_leaves_the_earlier_file_and_no_other(tmp_path):
    path = tmp_path / "a.json"
    storage.write_json(path, {"n": 1})
    with pytest.raises(TypeError):
        storage.write_json(path, {"n": object()})
    with pytest.raises(UnicodeEncodeError):
        storage.write_text(path, "half \ud800")
    with pytest.raises(KeyboardInterrupt), storage.whole(path) as part:
        interrupted(part)
    assert storage.read_json(path) == {"n": 1}
    assert list(tmp_path.iterdir()) == [path]


NO_JSON = [b"", b'{"n": ', b"\xff", b"[1]", b'{"n": NaN}', b'{"n": [-1e999]}', b"9" * 400]


@pytest.mark.parametrize("content", [None, *NO_JSON])
def test_a_file_that_a_run_did_not_write_is_named(tmp_path, content):
    path = tmp_path / "report.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"report\.json: (not|missing or) .*(resume|train again)"):
        storage.read_json(path)


@pytest.mark.parametrize("read", [storage.read_json, storage.read_text, storage.read_yaml_text, storage.unpacked])
def test_what_may_never_end_is_not_read(tmp_path, read):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(ValueError, match="not a regular file"):
            read(path)


def test_a_compressed_file_unpacks_to_no_more_than_a_multiple_of_its_size(tmp_path):
    path = tmp_path / "lines.gz"
    for n_bytes, found in ((9_000, bytes(9_000)), (1 << 22, None)):
        path.write_bytes(gzip.compress(bytes(n_bytes)) + gzip.compress(os.urandom(100)))
        if found is None:
            with pytest.raises(ValueError, match="unpacks to more than 100 times its size"):
                storage.unpacked(path)
        else:
            assert storage.unpacked(path)[:n_bytes] == found


@contextmanager
def full_disk():
    """Every file that is written ends after 1000 bytes, as on a full disk: pytest's own log too, so not for a test."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def save_recognizer(path, make_recognizer):
    make_recognizer().save(path)


def save_checkpoint(path, _):
    from speech.training.checkpoint import CheckpointIO

    CheckpointIO().save_checkpoint({"weights": torch.zeros(10_000)}, path)


def save_text(path, _):
    storage.write_text(path, "x" * 10_000)


def save_sound(path, _):
    files.write(path, np.zeros(10_000, np.float32), 16_000)


@pytest.mark.parametrize(
    ("write", "name"),
    [(save_recognizer, "r.pt"), (save_checkpoint, "last.ckpt"), (save_text, "cuts.jsonl.gz"), (save_sound, "a.wav")],
)
def test_a_full_disk_names_the_file_and_leaves_the_earlier_one(tmp_path, write, name, make_recognizer):
    path = tmp_path / name
    path.write_bytes(b"the one before")
    with full_disk(), pytest.raises(OSError, match=rf"{name}: could not be written .* MB free there"):
        write(path, make_recognizer)
    assert path.read_bytes() == b"the one before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_read_only_file_system_names_the_file(tmp_path, monkeypatch):
    def refused(path, *_, **__):
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "open", refused)
    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(
        storage.UnwritableError, match=rf"^{tmp_path}/report\.json: could not be written \(Read-only file sys"
    ):
        storage.write_json(tmp_path / "report.json", {})


def test_a_file_is_on_the_disk_before_it_takes_its_name(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda opened: (order.append("sync"), fsync(opened)))
    monkeypatch.setattr(Path, "replace", lambda part, path: (order.append("rename"), replace(part, path)))
    storage.write_text(tmp_path / "a.txt", "whole")
    assert order == ["sync", "rename", "sync"]


def test_many_may_write_one_file_at_once(tmp_path):
    path = tmp_path / ("n" * 251 + ".txt")  # as long as a name can be
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: storage.write_text(path, str(n) * 10_000), range(8)))
    content = path.read_text()
    assert len(content) == 10_000
    assert set(content) == {content[0]}
    assert list(tmp_path.iterdir()) == [path]


def test_a_part_that_has_taken_the_name_of_one_that_was_left_is_kept(tmp_path, monkeypatch):
    part, lock = tmp_path / ".part-1-1-a.txt", storage._lock
    part.touch()

    def late(file, wait):
        """Another process removes the part, and its writer begins anew, before it can be locked."""
        part.unlink()
        part.write_text("anew")
        return lock(file, wait)

    monkeypatch.setattr(storage, "_lock", late)
    storage.remove_parts(tmp_path)
    assert part.read_text() == "anew"


def test_a_write_removes_what_a_killed_process_left_and_no_other(tmp_path):
    code = "import os, sys; from pathlib import Path; from speech.common import storage\n"
    code += "with storage.whole(Path(sys.argv[1])) as part: part.write_text('half'); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, tmp_path / "a.txt"], check=False)
    (left,) = tmp_path.iterdir()
    (tmp_path / ".part-of-another-program").touch()
    with storage.whole(tmp_path / "b.txt") as part:  # one that is being written
        part.write_text("b")
        storage.write_text(tmp_path / "a.txt", "a")
        assert part.exists()
        assert not left.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"a.txt", "b.txt", ".part-of-another-program"}


def test_a_full_disk_names_the_file_that_a_line_is_added_to(tmp_path):
    raises = pytest.raises(OSError, match=r"a\.csv: could not be written")
    with full_disk(), raises, storage.appended(tmp_path / "a.csv") as file:
        file.write("x" * 2_000)


def test_what_could_not_be_written_is_told_from_another_process(tmp_path):
    error = storage.UnwritableError(tmp_path / "a", OSError(errno.ENOSPC, "No space left on device"))
    told = pickle.loads(pickle.dumps(error))
    assert isinstance(told, OSError)
    assert str(told) == str(error)
