"""``make test-fast`` is enough to see a fault: one is planted in each room, and that room's fast tests find it."""

import ast
import io
import os
import re
import shutil
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

import speech

ROOT = Path(__file__).parents[1]
ROOMS = sorted(path.parent.name for path in Path(speech.__file__).parent.glob("*/__init__.py"))
FAULTS = {  # room -> file, function, and the token in it whose first occurrence becomes another
    "audio": ("endpointing.py", "trim_silence", "-", "+"),
    "backprop": ("optimizers.py", "adamw", "-", "+"),
    "common": ("escape.py", "escape_mathtext", '"$"', '"€"'),
    "config": ("check.py", "unknown_key", "0.4", "0.99"),
    "data": ("augment/light.py", "_mix", "-", "+"),
    "evaluation": ("metrics.py", "cer", "/", "*"),
    "inference": ("score.py", "may_skip", "!=", "=="),
    "lessons": ("network.py", "dropout_mask", "/", "*"),
    "model": ("frontend.py", "_emphasised", "-", "+"),
    "monitor": ("moments.py", "is_doubling", "==", "!="),
    "page": ("server.py", "server", "==", "!="),
    "pretrained": ("__init__.py", "shipped", "!=", "=="),
    "server": ("guard.py", "_refused", "!=", "=="),
    "starter": ("project.py", "write", "or", "and"),
    "text": ("phones.py", "distances", "+", "-"),
    "training": ("finetune.py", "interpolate_weights", "-", "+"),
    "tts": ("mix.py", "draw_voices", "/", "*"),
}
NOT_COPIED = shutil.ignore_patterns(".*", "cache", "runs", "multirun", "build", "dist", "*.egg-info", "__pycache__")


def test_a_fault_is_planted_in_each_room():
    assert sorted(FAULTS) == ROOMS


def plant(path, function, old, new):
    """Replace the first ``old`` in the first function of that name; docstrings and comments are other tokens."""
    source = path.read_text(encoding="utf-8")
    node = next(one for one in ast.walk(ast.parse(source)) if getattr(one, "name", "") == function)
    (line, column) = next(
        token.start
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.string == old and token.start[0] >= node.body[0].lineno and token.start[0] <= node.end_lineno
    )
    lines = source.splitlines(keepends=True)
    assert lines[line - 1][column:].startswith(old)
    lines[line - 1] = lines[line - 1][:column] + new + lines[line - 1][column + len(old) :]
    path.write_text("".join(lines), encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("room", ROOMS)
def test_the_fast_tests_of_a_room_find_a_fault_in_it(room, tmp_path):
    copy = shutil.copytree(ROOT, tmp_path / "copy", ignore=NOT_COPIED)
    file, *fault = FAULTS[room]
    plant(copy / "speech" / room / file, *fault)
    command = [sys.executable, "-m", "pytest", "-x", "-m", "not slow", f"tests/{room}"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    found = subprocess.run(
        command, cwd=copy, env=environment | {"PYTHONPATH": str(copy)}, capture_output=True, text=True, check=False
    )
    failed = re.findall(r"^FAILED (\S+)", found.stdout, re.MULTILINE)
    print(f"{room}: {file}, {' -> '.join(fault)}: {failed}")
    assert found.returncode == 1, f"no test failed:\n{found.stdout}{found.stderr}"
    assert failed
