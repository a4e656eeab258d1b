"""A project of one's own, made of this one's files, is whole and its tests pass."""

import ast
import os
import re
import subprocess
import sys
import tomllib

import pytest
import yaml

from speech.starter import project

CI = ".github/workflows/ci.yml"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("new") / "my-words"
    done = subprocess.run([sys.executable, "-m", "speech.new", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "the project my_words" in done.stdout
    return folder


def test_what_it_imports_is_there_under_its_own_name(made):
    files = list((made / "my_words").rglob("*.py"))
    assert len(files) > 100
    for path in files:
        text = path.read_text(encoding="utf-8")
        names = {node.module or "" for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
        for name in names:
            assert name.partition(".")[0] != "speech", path
            if name.startswith("my_words."):
                place = made / name.replace(".", "/")
                assert place.is_dir() or place.with_suffix(".py").is_file(), f"{path} imports {name}"
    left_out = {"lessons", "page", "server", "starter"}
    assert not left_out & {path.name for path in (made / "my_words").iterdir()}
    assert len(list((made / "my_words" / "backprop").glob("*.py"))) == 4, "the reference by hand is left out"
    settings = tomllib.loads((made / "pyproject.toml").read_text())
    requirements = settings["project"]["dependencies"]
    assert "torch>=2.11" in requirements
    assert not [one for one in requirements if one.startswith(("names", "onnxscript"))]
    notice = (made / "NOTICE").read_text(encoding="utf-8")
    names = [project._name(one).replace("_", "-") for one in requirements]
    assert [name for name in names if name not in notice] == [], "what it uses is credited"
    assert "LibriSpeech" not in notice, "it has nothing that was trained on recordings"
    asked = {extra for path in files for extra in re.findall(r'require\([^)]*, "(\w+)"[,)]', path.read_text())}
    assert asked <= settings["project"]["optional-dependencies"].keys(), "an extra that a message names is there"
    assert settings["tool"]["mypy"]["files"] == ["my_words"], "its make test checks the types, of what is there"
    assert settings["tool"].keys() == {"setuptools", "ruff", "mypy", "pytest"}
    commands = [step.get("run") for step in yaml.safe_load((made / CI).read_text())["jobs"]["test"]["steps"]]
    assert commands[-1] == "make test"


def test_its_lint_and_tests_pass(made):
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"PYTHONPATH": str(made)}
    for command in (
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy", "--cache-dir", str(project.CHECKOUT / ".mypy_cache")],  # what it imports was checked with ours
        ["pytest", "-q", "-p", "no:cacheprovider"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=made, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_nothing_is_overwritten_and_a_name_that_is_none_is_refused(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FileExistsError, match="the folder is not empty: give another one"):
        project.write(tmp_path, "words")
    for wrong in ("my-words", "class", "tests", "", "_words", "wörter"):
        with pytest.raises(ValueError, match=r"package=.*: not a valid name"):
            project.write(tmp_path / "new", wrong)
    for another in ("numpy", "random", "conftest"):
        with pytest.raises(ValueError, match=r"package=.*: a package that it needs has this name"):
            project.write(tmp_path / "new", another)
    assert not (tmp_path / "new").exists()


def test_what_is_not_finished_leaves_nothing(tmp_path, monkeypatch):
    def full(_):
        raise OSError("No space left on device")

    monkeypatch.setattr(project, "_format", full)
    with pytest.raises(OSError, match="No space left"):
        project.write(tmp_path / "new", "words")
    assert list((tmp_path / "new").iterdir()) == []
    monkeypatch.undo()
    project.write(tmp_path / "new", "words")
    assert not list((tmp_path / "new").glob(".part-*"))


def test_a_cut_that_no_longer_fits_is_an_error_that_names_it():
    with pytest.raises(ValueError, match=r"parts\.yaml: a\.py: 'x = 1\\n' occurs 0 times, not once"):
        project._cut("y = 1\n", {"replace": [{"old": "x = 1\n", "new": ""}]}, "a.py")
    with pytest.raises(ValueError, match=r"a\.py: there is no A\.f"):
        project._cut("class A:\n    def g(self): ...\n", {"drop": ["A.f"]}, "a.py")
