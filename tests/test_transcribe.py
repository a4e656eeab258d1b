"""``python -m speech.transcribe``: what it prints, and where. The transcripts themselves: tests/inference."""

import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from commands import run_command


@pytest.fixture
def transcribe(capsys):
    """The command: what it prints."""
    return lambda *arguments: run_command("transcribe", *arguments) or capsys.readouterr()


@pytest.fixture
def given(small_run, recordings, tmp_path):
    """Arguments: a folder with a recording and with a file that is no audio, and a recogniser."""
    (tmp_path / "bad.wav").write_bytes(b"no audio")
    (tmp_path / "good.wav").write_bytes((recordings / "one" / "f1_0.wav").read_bytes())
    return f"clips={tmp_path}", f"recognizer={small_run}"


def test_it_prints_a_line_a_clip_and_how_many_were_transcribed(transcribe, given):
    bad, good, fault, count = transcribe(*given, "names=[Anna,Bob]").out.splitlines()
    assert bad.startswith("refused: ")
    assert good.split()[0].endswith("good.wav")
    assert "Anna" in good
    assert fault.startswith("  narrow band: recorded at 8000 Hz")
    assert count.startswith("1 of 2 clips transcribed by ")


def test_with_json_stdout_holds_an_object_a_clip_and_nothing_else(transcribe, given):
    told = transcribe(*given, "json=true", "decoder=beam")
    bad, good = map(json.loads, told.out.splitlines())
    assert bad.keys() == {"clip", "refused"}
    assert {name for name, _ in good["names"]} == {"Martin", "Mark"}
    assert told.err.startswith("1 of 2 clips transcribed by ")


def test_one_odd_file_of_any_kind_is_refused_and_the_rest_goes_on(given, tmp_path, capfd):
    good = (tmp_path / "good.wav").read_bytes()
    tone = 0.1 * np.sin(np.arange(8_000) / 4) * np.hanning(8_000)
    soundfile.write(tmp_path / "cut.mp3", np.tile(tone, 3), 8_000)
    (tmp_path / "cut.mp3").write_bytes((tmp_path / "cut.mp3").read_bytes()[:1_500])  # mpg123 prints of such
    soundfile.write(tmp_path / "doubles.wav", tone * 1e38, 8_000, subtype="DOUBLE")
    soundfile.write(tmp_path / "gsm.wav", tone, 8_000, subtype="GSM610")
    (tmp_path / ("x" * 250 + ".wav")).write_bytes(good)
    (tmp_path / "locked.wav").symlink_to("nowhere")
    (tmp_path / "call.m4a").write_bytes(b"\0\0\0\x20ftypM4A ")
    capfd.readouterr()
    run_command("transcribe", *given, "json=true")
    out, err = capfd.readouterr()
    refused = {one["clip"].rpartition("/")[2]: one.get("refused") for one in map(json.loads, out.splitlines())}
    assert {name for name, reason in refused.items() if reason is None} == {"good.wav", "gsm.wav", "x" * 250 + ".wav"}
    assert len(refused) == 8
    assert refused["doubles.wav"].startswith("samples of up to 1e+37, beyond 32 bits")
    assert refused["locked.wav"] == "no such file"
    (count,) = err.splitlines()
    assert count.startswith("3 of 8 clips transcribed by ")


def test_without_a_clip_to_transcribe_or_a_calibration_it_fails(transcribe, given, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        transcribe(*given, "false_accept_rate=0.01")
    assert "error: false_accept_rate=0.01: " in capsys.readouterr().err
    (tmp_path / "good.wav").unlink()
    with pytest.raises(SystemExit, match="2"):
        transcribe(*given)
    assert "error: 0 of 1 clip could be transcribed" in capsys.readouterr().err


def test_homophones_of_a_list_are_told_in_one_line_without_espeak(given):
    def told(names):
        command = [sys.executable, *WITHOUT_ESPEAK, given[0], f"names={names}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "warning" not in done.stdout
        return done.stderr

    assert told("[Martin,Mark]") == told("null") == ""
    (line,) = told("[Lori,Mark,Laurie,Marc]").splitlines()
    assert line.startswith("warning: Lori and Laurie are homophones (/lɔɹi/), Mark and Marc are homophones (/mɑɹk/): ")
    assert " and 3 more pairs" in told("[Lori,Laurie,Lorie,Lauri]")


WITHOUT_ESPEAK = "-c", "import sys; sys.modules['espeakng_loader'] = None; from speech.transcribe import main; main()"


@pytest.mark.parametrize(
    ("start", "names"),
    [
        (WITHOUT_ESPEAK, "names=[Lori,Laurie]"),
        (["-m", "speech.transcribe"], "names=[Denouement,Mark]"),  # espeak says it in sounds that are no phones here
    ],
    ids=["espeak", "phones"],
)
def test_an_exported_file_of_letters_does_without(small_export, given, start, names):
    clips, recognizer = given[0], f"recognizer={small_export / 'recognizer.onnx'}"
    command = [sys.executable, *start, clips, recognizer, names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 of 2 clips transcribed" in done.stdout
    assert done.stderr == ""
