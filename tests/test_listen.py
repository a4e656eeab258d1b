import json
import subprocess
import sys
import types

import numpy as np
import pytest
import soundfile

from speech import Runtime
from speech.audio.limits import AudioError
from speech.audio.streams import open_source

NAMES = "names=[Martin,Marvin,Morton,Mark]"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    from spoken import speak

    waveform, rate = speak("Martin")
    path = tmp_path_factory.mktemp("clips") / "martin.wav"
    soundfile.write(path, np.pad(waveform, rate), rate)
    return path


def run(*arguments, **given):
    command = [sys.executable, "-m", "speech.listen", NAMES, *arguments]
    return subprocess.run(command, capture_output=True, check=False, **given)


def test_a_file_and_standard_input_are_heard_as_transcribe_hears(clip):
    transcript = Runtime.load().transcribe(clip, ["Martin", "Marvin", "Morton", "Mark"])
    samples, rate = soundfile.read(clip, dtype="int16")
    raw = ["source=-", f"rate={rate}"]
    ways = [
        run("json=true", f"source={clip}"),
        run("json=true", "source=-", input=clip.read_bytes()),
        run("json=true", *raw, input=samples.tobytes()),
    ]
    for way in ways:
        assert way.returncode == 0, way.stderr
        first, *events = map(json.loads, way.stdout.splitlines())
        assert (first["rate"], first["channels"]) == (rate, 1)
        (found,) = [event for event in events if event["event"] == "name"]
        assert found["name"] == transcript.names[0][0] == "Martin"
        assert found["probability"] == pytest.approx(transcript.names[0][1], abs=0.02)
        assert found["accepted"] == transcript.accepted


@pytest.mark.parametrize(("source", "reason"), [("no.wav", "no such file"), ("pyproject.toml", "not readable")])
def test_a_source_that_is_none_is_told_in_a_line(source, reason):
    found = run(f"source={source}")
    assert found.returncode == 2
    assert len(found.stderr.splitlines()) == 1
    assert reason in found.stderr.decode()


def test_a_standard_input_that_is_closed_is_told(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(AudioError, match="standard input is closed: pipe sound into it"):
        open_source("-", None, 16_000, 1, "int16")


def test_a_terminal_is_told_to_be_no_sound(monkeypatch):
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(isatty=lambda: True))
    with pytest.raises(AudioError, match="standard input is a terminal: pipe sound into it"):
        open_source("-", None, 16_000, 1, "int16")


def test_without_portaudio_the_package_to_install_is_named(tmp_path):
    import os

    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n", encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    found = run(env={**os.environ, "PYTHONPATH": path})
    assert found.returncode == 2
    assert found.stderr.decode().splitlines() == [
        "error: PortAudio library not found: install PortAudio (Debian: apt install libportaudio2)"
    ]
