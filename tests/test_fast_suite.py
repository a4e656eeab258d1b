"""``make test-fast`` is enough to see a fault: one is planted in each room, and fast tests of that room find it."""

import ast
import io
import os
import re
import shutil
import sys
import tokenize
from pathlib import Path

import pytest
from benchlib.forked import Forked

import speech

ROOT = Path(__file__).parents[1]
ROOMS = sorted(path.parent.name for path in Path(speech.__file__).parent.glob("*/__init__.py"))
FAULTS = {  # room -> file, function, the token in it whose first occurrence becomes another; the tests that find it
    "audio": ("endpointing.py", "trim_silence", "-", "+", "test_endpointing.py"),
    "backprop": ("optimizers.py", "adamw", "-", "+", "test_optimizers.py"),
    "common": ("escape.py", "escape_mathtext", '"$"', '"€"', "test_escape.py"),
    "config": ("check.py", "unknown_key", "0.4", "0.99", "test_errors.py"),
    "data": ("augment/light.py", "_mix", "-", "+", "augment/test_light.py"),
    "evaluation": ("metrics.py", "ratio", "/", "*", "test_metrics.py"),
    "inference": ("score.py", "may_skip", "!=", "==", "test_prefix_beam.py"),
    "lessons": ("network.py", "dropout_mask", "/", "*", "test_networks.py"),
    "model": ("frontend.py", "_emphasised", "-", "+", "test_frontend.py"),
    "monitor": ("moments.py", "is_doubling", "==", "!=", "test_timing.py"),
    "page": ("server.py", "server", "is", "is not", "test_site.py"),
    "pretrained": ("__init__.py", "shipped", "!=", "==", "test_pretrained.py"),
    "server": ("guard.py", "_refused", "!=", "==", "test_http.py"),
    "starter": ("project.py", "write", "or", "and", "test_project.py"),
    "text": ("phones.py", "distances", "+", "-", "test_phones.py"),
    "training": ("finetune.py", "interpolate_weights", "-", "+", "test_finetune.py"),
    "tts": ("mix.py", "draw_voices", "/", "*", "test_mix_and_cache.py"),
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
    file, *fault, tests = FAULTS[room]
    plant(copy / "speech" / room / file, *fault)
    import pytorch_lightning  # noqa: F401  # takes seconds, and is the same in every process that is forked

    run = Forked(lambda: sys.exit(run_tests_of(copy, f"tests/{room}/{tests}")), copy)
    status = run.ended(300)
    failed = re.findall(r"^FAILED (\S+)", run.output, re.MULTILINE)
    print(f"{room}: {file}, {' -> '.join(fault)}: {failed}")
    assert status == 1, f"no test failed:\n{run.output}{run.errors}"
    assert failed


def is_ours(path):
    return f"{path}{os.sep}".startswith(tuple(f"{ROOT / folder}{os.sep}" for folder in ("speech", "tests", "scripts")))


def run_tests_of(copy, tests):
    """pytest on ``copy``'s fast ``tests``, its modules in place of this checkout's; in a process of its own."""
    for name in [name for name in os.environ if name.startswith("PYTEST_")]:
        del os.environ[name]
    for name, module in list(sys.modules.items()):
        if is_ours(getattr(module, "__file__", None) or ""):
            del sys.modules[name]
    sys.path[:] = [str(copy), *(entry for entry in sys.path if not is_ours(entry))]
    return pytest.main(["-x", "-m", "not slow", tests])
