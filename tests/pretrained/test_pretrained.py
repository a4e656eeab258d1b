"""The recogniser that comes with the package."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from spoken import speak

from speech import Recognizer, Runtime, pretrained
from speech.audio import files

RATE = 16_000
NAMES = ["Veronica", "Bartholomew", "Christopher", "Isabella"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "christopher.wav"
    samples, rate = speak("Christopher", accent="en-GB")
    soundfile.write(path, np.pad(files.to_waveform(samples, rate, RATE), 8_000), RATE)
    return path


def test_its_files_are_small_and_their_card_is_there():
    assert pretrained.shipped(pretrained.RECOGNIZER).stat().st_size <= 8_000_000
    assert pretrained.shipped(pretrained.EXPORTED).stat().st_size <= 2_500_000
    card = (pretrained.FOLDER / "CARD.md").read_text(encoding="utf-8")
    for said in ("## Training data", "## Metrics", "## Limits", "## Licences of the training data", "Git commit"):
        assert said in card


def test_the_finder_is_small_and_the_shipped_recognisers_own(tmp_path):
    assert pretrained.shipped(pretrained.STREAMING).stat().st_size <= 1_500_000
    ours = Runtime.load()
    assert ours.finder.inventory.phones == ours.inventory.phones
    assert (ours.finder.sample_rate, ours.finder.frame_s) == (ours.sample_rate, ours.frame_s)
    assert ours.finder.confirmation
    assert ours.finder.stream().feed(np.zeros(RATE, np.float32)).letters.shape == (33 - 1, ours.n_symbols[0])
    assert Runtime(shutil.copy(ours.path, tmp_path)).finder is None


def test_both_files_are_one_recogniser_of_any_list(clip):
    ours, theirs = Recognizer.load(), Runtime.load()
    assert ours.names == theirs.names == []
    for one in (ours, theirs):
        (first, p), *_ = one.transcribe(clip, NAMES).names
        assert (first, p > 0.9) == ("Christopher", True)
    waveform = files.read(clip, RATE)
    for a, b in zip(ours.frames_of((waveform, RATE)).outputs, theirs.frames_of((waveform, RATE)).outputs, strict=True):
        assert np.abs(np.exp(a) - np.exp(b)).mean() < 0.01, "rounded to eight bits, and no more"


def test_a_list_is_transcribed_without_a_training_and_without_torch(clip, tmp_path):
    command = [sys.executable, "-X", "importtime", "-m", "speech.transcribe", f"clips={clip}", "json=true"]
    done = subprocess.run(
        [*command, f"names=[{','.join(NAMES)}]"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert json.loads(done.stdout)["names"][0][0] == "Christopher"
    assert not re.search(r"\| +(torch|pytorch_lightning)\b", done.stderr)


@pytest.mark.parametrize("damage", ["a byte", "cut short", "gone"])
def test_a_damaged_file_is_refused(monkeypatch, tmp_path, damage):
    folder = shutil.copytree(pretrained.FOLDER, tmp_path / "pretrained")
    monkeypatch.setattr(pretrained, "FOLDER", folder)
    path = folder / pretrained.EXPORTED
    content = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(content if damage == "a byte" else content[:-1])
    with pytest.raises(OSError, match=r"recognizer\.int8\.onnx: missing or damaged: install the package again"):
        Runtime.load()
