import json
import subprocess
import sys
import types

import numpy as np
import pytest
from commands import run_command
from spoken import speak

from speech import Runtime
from speech.audio.limits import AudioError
from speech.audio.streams import open_source

NAMES = "names=[Martin,Marvin,Morton,Mark]"


def test_standard_input_is_heard_as_transcribe_hears_a_file():
    waveform, rate = speak("Martin")
    samples = (np.pad(waveform, rate) * 32_767).astype("<i2")
    command = [sys.executable, "-m", "speech.listen", NAMES, "json=true", "source=-", f"rate={rate}"]
    printed = subprocess.run(command, input=samples.tobytes(), stdout=subprocess.PIPE, check=True).stdout
    first, *events = map(json.loads, printed.splitlines())
    assert (first["rate"], first["channels"]) == (rate, 1)
    (found,) = [event for event in events if event["event"] == "name"]
    transcript = Runtime.load().transcribe((samples, rate), ["Martin", "Marvin", "Morton", "Mark"])
    assert found["name"] == transcript.names[0][0] == "Martin"
    assert found["probability"] == pytest.approx(transcript.names[0][1], abs=0.02)
    assert found["accepted"] == transcript.accepted


def error_of(capsys, *arguments):
    """The line that the command ends with."""
    with pytest.raises(SystemExit, match="2"):
        run_command("listen", NAMES, *arguments)
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(("source", "reason"), [("no.wav", "no such file"), ("pyproject.toml", "not readable")])
def test_a_source_that_is_none_is_told_in_a_line(capsys, source, reason):
    assert reason in error_of(capsys, f"source={source}")


def test_a_standard_input_that_is_closed_or_a_terminal_is_told(monkeypatch):
    for stdin, reason in ((None, "closed"), (types.SimpleNamespace(isatty=lambda: True), "a terminal")):
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(AudioError, match=f"standard input is {reason}: pipe sound into it"):
            open_source("-", None, 16_000, 1, "int16")


def test_without_portaudio_the_package_to_install_is_named(capsys, monkeypatch, tmp_path):
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    told = "error: PortAudio library not found: install PortAudio (Debian: apt install libportaudio2)"
    assert error_of(capsys) == told
