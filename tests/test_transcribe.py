import json
import subprocess
import sys

import numpy as np
import pytest

from speech.audio import files
from speech.inference.batch import transcribe

RATE = 16_000


@pytest.fixture
def levels(recordings, tmp_path):
    """A folder of one recording at three levels."""
    waveform = files.read(recordings / "one" / "f1_0.wav", RATE)
    for name, gain in (("clipped", 30), ("faint", 0.005), ("good", 1)):
        files.write(tmp_path / f"{name}.wav", waveform * np.float32(gain), RATE)
    return tmp_path


def test_it_reads_a_folder_and_lists_what_it_cannot(small_run, compose, recordings, tmp_path, capsys):
    (tmp_path / "bad.wav").write_bytes(b"no audio")
    (tmp_path / "good.wav").write_bytes((recordings / "one" / "f1_0.wav").read_bytes())
    given = ["transcribe", f"clips={tmp_path}", f"recognizer={small_run}", "names=[Anna,Bob]"]
    assert transcribe(compose(*given)) == 1
    good, bad, count = capsys.readouterr().out.splitlines()
    assert "good.wav" in good
    assert bad.startswith("refused: ")
    assert "bad.wav" in bad
    assert count == "1 of 2 clips transcribed"


def test_it_prints_as_json_an_object_for_each_clip_and_nothing_else(small_run, compose, recordings, tmp_path, capsys):
    (tmp_path / "bad.wav").write_bytes(b"no audio")
    (tmp_path / "good.wav").write_bytes((recordings / "one" / "f1_0.wav").read_bytes())
    given = ["transcribe", f"clips={tmp_path}", f"recognizer={small_run}", "names=[Anna,Bob]", "json=true"]
    assert transcribe(compose(*given)) == 1
    told = capsys.readouterr()
    bad, good = map(json.loads, told.out.splitlines())
    assert bad["clip"].endswith("bad.wav")
    assert bad.keys() == {"clip", "refused"}
    assert "convert it to WAV or FLAC" in bad["refused"]
    assert good["clip"].endswith("good.wav")
    assert {name for name, _ in good["names"]} == {"Anna", "Bob"}
    assert told.err == "1 of 2 clips transcribed\n"


def test_what_is_wrong_with_a_recordings_level_stands_below_it(small_run, compose, levels, capsys):
    transcribe(compose("transcribe", f"clips={levels}", f"recognizer={small_run}"))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0].rpartition("/")[2] for line in lines] == [
        "clipped.wav", "too", "faint.wav", "too", "good.wav", "3"
    ]  # fmt: skip
    assert lines[1].startswith("  too loud: ")
    assert lines[3].startswith("  too quiet: -")
    transcribe(compose("transcribe", f"clips={levels}", f"recognizer={small_run}", "json=true"))
    clipped, faint, good = map(json.loads, capsys.readouterr().out.splitlines())
    assert [clipped["faults"], faint["faults"], good["faults"]] == [[lines[1].strip()], [lines[3].strip()], []]


def test_names_that_are_said_alike_are_told_in_one_line_before_anything_is_heard(
    small_run, compose, recordings, capsys
):
    given = ["transcribe", f"clips={recordings / 'one' / 'f1_0.wav'}", f"recognizer={small_run}"]
    for names in ("null", "[Martin,Mark]"):
        transcribe(compose(*given, f"names={names}"))
        assert capsys.readouterr().err == ""
    transcribe(compose(*given, "names=[Lori,Mark,Laurie,Marc]"))
    told = capsys.readouterr()
    assert told.err == (
        "warning: Lori and Laurie are said alike (en-GB: lˈɔːɹi), Mark and Marc are said alike (en-GB: mˈɑːk): "
        "no ear tells them apart\n"
    )
    assert "warning" not in told.out
    transcribe(compose(*given, "names=[Lori,Laurie,Lorie,Lauri]"))
    assert " and 3 more pairs: no ear" in capsys.readouterr().err


def test_a_list_is_ranked_where_espeak_is_not_installed_or_says_a_name_in_sounds_of_its_own(small_export, recordings):
    """An exported recogniser of letters does without it: what it cannot say it does not warn of."""
    ask = f"clips={recordings / 'one' / 'f1_0.wav'}", f"recognizer={small_export / 'recognizer.onnx'}"
    code = "import sys; sys.modules['espeakng_loader'] = None; from speech.transcribe import main; main()"
    for start, names in (
        (["-c", code], "names=[Lori,Laurie]"),
        (["-m", "speech.transcribe"], "names=[Denouement,Mark]"),
    ):
        done = subprocess.run([sys.executable, *start, *ask, names], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "1 of 1 clips transcribed" in done.stdout
        assert done.stderr == ""
