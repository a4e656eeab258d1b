"""What ``make chaos`` does, at a few moments, and that it would find what it looks for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import chaos
import numpy as np
import pytest
from filelock import FileLock

from speech.audio import files
from speech.common import seal, storage

SCRIPT = Path(chaos.__file__)
ALONE = [] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]  # to mount what it fills


def test_synthesis_is_killed_fills_a_disk_and_runs_twice_and_ends_well():
    command = [*ALONE, sys.executable, str(SCRIPT), "3", "0", "synthesize"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if "run it as root" in ended.stderr or "unshare" in ended.stderr:
        pytest.skip("no file system may be mounted here")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    figures = {figure["name"]: figure for figure in map(json.loads, ended.stdout.splitlines())}
    tries = {"killed": 2, "full disk": 3, "two at once": 1}
    for kind, n in tries.items():
        figure = figures[f"failed, {kind} (synthesize)"]
        assert (figure["value"], figure["than"]) == (0, f"0 of {n}")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a whole file of each kind, and another for temporary files."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    place = tmp_path / "place"
    place.mkdir()
    storage.write_json(place / "report.json", {"n": 1})
    files.write(place / "clip.wav", np.ones(1_000, np.float32), 16_000)
    storage.write_bytes(place / "recognizer.onnx", seal.sealed(b"model"))
    storage.write_text(place / "report.html", "<html></html>")
    return place


@pytest.mark.parametrize("name", ["report.json", "clip.wav", "recognizer.onnx", "report.html"])
def test_a_file_that_is_cut_short_is_found(place, name):
    assert chaos.damaged(place) == []
    content = (place / name).read_bytes()
    (place / name).write_bytes(content[: len(content) // 2])
    assert chaos.damaged(place) == [name]


def test_what_is_left_behind_is_found(place):
    assert chaos.left_behind(place) == []
    with FileLock(place / ".lock"), storage.whole(place / "a.txt") as part:
        (chaos.temporary(place) / "espeak-1").mkdir()
        assert chaos.left_behind(place) == [part.name, ".lock is held", "TMPDIR/espeak-1"]
        part.touch()
