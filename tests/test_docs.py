"""What the docs tell to type works: what takes under 20 s is run, what trains is composed. Links: tests/scripts."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from commands import start

from speech import Runtime
from speech.audio import files
from speech.inference import enrolment

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = sorted(
    {
        line.partition("  #")[0].strip()
        for page in PAGES
        for line in page.read_text(encoding="utf-8").splitlines()
        if re.match(r"    (python -m speech\.|python scripts/|make )", line)
    }
)
LONG = {  # what takes longer than 20 s is composed, or its arguments are looked at, and no more
    "speech.train": "trains",
    "speech.g2p": "trains",
    "speech.page": "serves until it is stopped",
    "speech.calibrate": "needs more clips than a small run has",
    "speech.export": "is run once for all tests, as small_export (conftest)",
    "lesson=martin": "needs a recogniser that errs, and minutes",
    "scripts/check_gradients.py": "has a test of its own",
    "scripts/record.py": "needs a microphone",
    "speech.listen": "needs a microphone",
    "scripts/benchmark": "measures for minutes",
    "voices=kokoro": "needs 90 MB of voices",
    "false_accept_rate": "needs a recogniser that was calibrated",
}


@pytest.fixture(scope="module")
def place(small_run, small_export, recordings, tmp_path_factory):
    """A folder as a reader of the docs has it: a run, clips, a list, an experiment of one's own."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(small_run, folder / "runs" / "first")
    shutil.copytree(small_export, folder / "runs" / "first", dirs_exist_ok=True)
    shutil.copytree(recordings, folder / "clips")
    (folder / "names.txt").write_text("Martin\nSiobhan = shivawn, /ʃɪˈvɔːn/\n", encoding="utf-8")
    rows = [f"{path},{path.parent.name},{path.stem.partition('_')[0]}" for path in sorted(recordings.glob("*/*.wav"))]
    (folder / "manifest.csv").write_text("\n".join(["path,text,speaker", *rows]), encoding="utf-8")
    gran = shutil.copytree(recordings / "one", folder / "gran")
    clip = shutil.copy(next(gran.glob("*.wav")), folder / "boss.wav")
    files.write(folder / "meeting.flac", files.read(clip, 16_000), 16_000)
    recognizer = Runtime.load()
    enrolled = {"Gran": enrolment.enrol([recognizer.frames_of(clip)])}
    enrolment.write(folder / "enrolled.json", enrolled, recognizer.alphabet, recognizer.inventory)
    (folder / "mine" / "experiment").mkdir(parents=True)
    (folder / "mine" / "experiment" / "mine.yaml").write_text("# @package _global_\nbatch_size: 8\n", encoding="utf-8")
    return folder


def arguments_of(command, place):
    """``command`` as a list of words, with the reader's own folders in place of the page's words for them."""
    given = command
    own = {
        "RUN_DIR": place / "runs" / "first", "DATA_DIR=DIR": "DATA_DIR=DIR", "DIR": place / "clips",
        "FILE": place / "manifest.csv", "MINE": place / "mine", "corpus.root=digits": f"corpus.root={place / 'clips'}",
    }  # fmt: skip
    for word, value in own.items():
        given = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w])", lambda _, value=value: str(value), given)
    return shlex.split(given)


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.startswith("make ")])
def test_a_make_target_in_the_docs_exists(command):
    done = subprocess.run([*shlex.split(command), "-n"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.startswith("python -m")])
def test_a_command_in_the_docs_works(command, place):
    _, _, module, *arguments = arguments_of(command, place)
    if any(word in command for word in LONG):  # composed: each key and choice exists
        if "-m" in arguments:  # of a sweep, one job
            arguments = [re.sub("=.*,", "=", one) for one in arguments if one != "-m"]
        arguments = [*arguments, "--cfg", "job"] if not command.partition("resume=")[1] else ["--help"]
    if module == "speech.lesson":
        arguments += ["seeds=[0]", "lesson.n_epochs=2"]  # tests/lessons train them to their end
    done = start(module.removeprefix("speech."), *arguments, cwd=place)
    assert done.ended(300) == 0, done.output + done.errors


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.startswith("python scripts/")])
def test_a_script_in_the_docs_exists(command):
    assert (ROOT / shlex.split(command)[1]).is_file()


def test_the_readme_is_short_and_its_python_runs(small_run, small_export, recordings):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    clip = next(recordings.glob("*/*.wav"))
    for code in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
        own = code.replace("runs/.../recognizer.pt", str(small_run / "recognizer.pt")).replace("clip.wav", str(clip))
        exec(compile(own, "README.md", "exec"), {})
