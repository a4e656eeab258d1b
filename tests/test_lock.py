"""The lock of development: every package with its hashes, in the versions of constraints.txt, from no named place."""

import re
import subprocess
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def entries(text):
    """Name -> its requirement and its hashes."""
    found = {}
    for entry in text.replace(" \\\n", " ").splitlines():
        requirement, *hashes = entry.split(" --hash=")
        one = Requirement(re.sub(r"\s+", " ", requirement).strip())
        found.setdefault(canonicalize_name(one.name), []).append((one, [hash.strip() for hash in hashes]))
    return found


def wanted(extra):
    """What an extra asks for, those within it too."""
    for text in EXTRAS[extra]:
        one = Requirement(text)
        if one.name == "speech-names":
            yield from (inner for name in one.extras for inner in wanted(name))
        else:
            yield one


def test_each_entry_is_one_version_with_its_hashes_and_no_place_is_named():
    for some in entries(LOCK).values():
        for one, hashes in some:
            assert re.fullmatch(r"==[\w.]+", str(one.specifier)), one
            assert hashes
            assert all(re.fullmatch("sha256:[0-9a-f]{64}", hash) for hash in hashes), one
    assert "://" not in LOCK


def test_the_versions_are_those_that_make_installs():
    tested = [Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if line[0] != "#"]
    locked = entries(LOCK)
    known = {canonicalize_name(one.name): str(one.specifier) for one in tested}
    shared = locked.keys() & known.keys()
    assert len(shared) > 100
    for name in shared:
        assert [str(one.specifier) for one, _ in locked[name]] == [known[name]]


def test_what_the_project_and_its_development_ask_for_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for one in [*map(Requirement, project["dependencies"]), *wanted("dev")]:
        ((locked, _),) = entries(LOCK)[canonicalize_name(one.name)]
        assert one.specifier.contains(str(locked.specifier).removeprefix("=="))


def test_what_is_left_for_a_torch_of_the_cpu_is_all_but_torch_and_its_gpu():
    """By the command in CONTRIBUTING.md."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    command = re.search(r"^    (sed .* requirements-dev\.txt) ", page, re.MULTILINE)[1]
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=True)
    left, out = entries(done.stdout), entries(LOCK).keys() - entries(done.stdout).keys()
    assert {"torch", "triton", "nvidia-cudnn-cu13"} <= out
    assert {name.partition("-")[0] for name in out} == {"torch", "triton", "nvidia", "cuda"}
    assert {"torchaudio", "torchmetrics", "pytorch-lightning"} <= left.keys()
    assert left == {name: some for name, some in entries(LOCK).items() if name in left}
