"""The container files, which no test builds: what they copy is there, what they run is what the README says to run."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINES = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
ALLOWED = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]


def of(instruction):
    return [line.removeprefix(f"{instruction} ") for line in LINES if line.startswith(f"{instruction} ")]


def test_each_line_of_the_dockerfile_is_an_instruction():
    known = {"FROM", "ARG", "WORKDIR", "RUN", "USER", "ENV", "COPY", "CMD"}
    assert {line.split()[0] for line in LINES if not line.startswith("#")} == known
    assert next(line for line in LINES if not line.startswith("#")).startswith("FROM python:3.12-slim")
    assert len(of("CMD")) == 1
    assert json.loads(of("CMD")[0])[:2] == ["python", "-m"]


def test_what_is_copied_is_there_and_reaches_the_build():
    copied = [source for line in of("COPY") for source in shlex.split(line)[:-1]]
    assert sorted(copied) == sorted(ALLOWED)
    for source in copied:
        assert (ROOT / source).exists(), source


def test_what_is_copied_builds_the_whole_wheel(tmp_path):
    for source in ALLOWED:
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        copy(ROOT / source, tmp_path / source)
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("dist/*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    for room in ("speech", "conf", "hydra_plugins"):
        names = [path.relative_to(ROOT).as_posix() for path in (ROOT / room).rglob("*") if path.is_file()]
        names = [f"speech/{name}" if room == "conf" else name for name in names if "__pycache__" not in name]
        assert names
        assert set(names) <= held


def test_what_is_run_is_what_the_readme_says_to_run():
    readme = re.sub(r"  #.*", "", (ROOT / "README.md").read_text(encoding="utf-8"))
    installs = [line.replace("$URL", "URL") for line in of("RUN") if "pip" in line or "venv" in line]
    assert len(installs) == 3
    for line in installs:
        assert re.search(rf"^    {re.escape(line)}( |$)", readme, re.MULTILINE), line


def test_the_devcontainer_runs_a_target_of_make():
    found = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    make, target = found["postCreateCommand"].split()
    assert make == "make"
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
