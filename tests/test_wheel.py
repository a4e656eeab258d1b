import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from conftest import SMALL

ROOT = Path(__file__).parents[1]


def run(*command, cwd):
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_built_wheel_trains_and_transcribes_from_any_folder(tmp_path):
    """The wheel goes into a fresh environment that borrows the dependencies (and not this project) from ours."""
    source = tmp_path / "source"  # a copy, since building leaves its traces
    ignore = ["cache", "runs", ".venv", ".git", "build", "*.egg-info", "__pycache__", ".*_cache"]
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*ignore))
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, source, cwd=tmp_path)
    venv.create(tmp_path / "fresh", with_pip=False)
    fresh = tmp_path / "fresh" / ("Scripts" if os.name == "nt" else "bin")
    (wheel,) = tmp_path.glob("*.whl")
    run(sys.executable, "-m", "pip", "--python", fresh / "python", "install", "--no-deps", wheel, cwd=tmp_path)
    (site,) = (tmp_path / "fresh").glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"))

    place = run(fresh / "python", "-c", "import speech; print(speech.__file__)", cwd=tmp_path)
    assert Path(place.strip()).is_relative_to(tmp_path / "fresh")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    out = run(fresh / "speech-train", *SMALL, "trainer=debug", cwd=elsewhere)
    run_dir = Path(out.splitlines()[-1])
    assert run_dir.is_relative_to(elsewhere / "runs")
    assert "espeak-ng (GPL-3.0-or-later)" in (run_dir / "model_card.md").read_text()
    run(fresh / "speech-report", cwd=elsewhere)
    assert "<h2>How well it hears</h2>" in (run_dir / "report.html").read_text()
    run(fresh / "speech-synthesize", "names=[Mark]", "n_voices=1", cwd=elsewhere)
    heard = run(fresh / "speech-transcribe", "clips=clips", cwd=elsewhere)
    assert "1 of 1 clips transcribed" in heard
    run(fresh / "speech-lesson", "lesson=ocr", "seeds=[0]", "lesson.n_epochs=1", "run_dir=digits", cwd=elsewhere)
    assert (elsewhere / "digits" / "report.json").is_file()
