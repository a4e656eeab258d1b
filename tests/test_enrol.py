"""``python -m speech.enrol``: what it prints and keeps. What enrolment does: tests/inference/test_enrolled_names.py."""

import json
import shutil

import numpy as np
import pytest
import soundfile
from commands import run_command
from spoken import RATE, say


@pytest.fixture
def enrol(capsys):
    return lambda *arguments: run_command("enrol", *arguments) or capsys.readouterr().out


def test_a_name_is_added_to_the_file_and_the_others_stay(enrol, recordings, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    n = len(list((recordings / "one").glob("*.wav")))
    assert f"Gran: {n} of {n} recordings, decoded as " in enrol("name=Gran", f"clips={recordings / 'one'}")
    clip = next((recordings / "two").glob("*.wav"))
    enrol("name=The boss", f"clips={clip}", "spelled=false")
    assert list(json.loads((tmp_path / "enrolled.json").read_text())["names"]) == ["Gran", "The boss"]
    run_command("transcribe", f"clips={clip}", "names=[Veronica,Bartholomew]", "enrolled=enrolled.json", "json=true")
    assert json.loads(capsys.readouterr().out)["names"][0][0] == "The boss"


def test_the_same_name_is_replaced_however_it_is_written(enrol, recordings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("Chloé", "Gran", "chloe"):
        enrol(f"name={name}", f"clips={recordings / 'one'}")
    assert list(json.loads((tmp_path / "enrolled.json").read_text())["names"]) == ["Gran", "chloe"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["name=Gran"], "clips"),
        (["name=Gran", "clips=gone"], "gone: no such file or folder"),
        (["name=7", "clips=CLIPS"], "cannot write"),
        (["name=Gran", "clips=CLIPS", "file=broken.json"], "broken.json: not a file of enrolled names"),
    ],
)
def test_what_cannot_be_enrolled_is_named_and_nothing_is_written(
    enrol, recordings, tmp_path, monkeypatch, capsys, arguments, reason
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(SystemExit):
        enrol(*(one.replace("CLIPS", str(recordings / "one")) for one in arguments))
    assert reason in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["broken.json"]
    assert (tmp_path / "broken.json").read_text() == "{"


def test_an_unusable_recording_is_refused_by_name_and_the_others_enrol(
    enrol, recordings, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(recordings / "one", tmp_path / "gran")
    n = len(list((tmp_path / "gran").iterdir()))
    (tmp_path / "gran" / "odd.wav").write_bytes(b"no audio")
    (tmp_path / "gran" / "call.webm").write_bytes(b"\x1a\x45\xdf\xa3")
    webm, odd, *faults, last = enrol("name=Gran", "clips=gran").splitlines()
    assert webm.startswith("refused: gran/call.webm: ")
    assert odd.startswith("refused: gran/odd.wav: not readable as audio")
    assert [fault.split(": ")[1] for fault in faults] == ["narrow band"] * n
    assert last.startswith(f"Gran: {n} of {n + 2} recordings, decoded as ")
    before = (tmp_path / "enrolled.json").read_text()
    with pytest.raises(SystemExit):
        enrol("name=Gran", "clips=gran/odd.wav")
    assert "error: no recording to enrol: give one to five recordings of the name" in capsys.readouterr().err
    assert (tmp_path / "enrolled.json").read_text() == before


@pytest.mark.parametrize(
    ("gain", "rate", "fault"), [(0.004, 16_000, "too quiet"), (30, 16_000, "too loud"), (1, 8_000, "narrow")]
)
def test_a_recordings_faults_are_told_with_its_name(enrol, tmp_path, monkeypatch, gain, rate, fault):
    monkeypatch.chdir(tmp_path)
    soundfile.write("gran.wav", np.clip(gain * np.pad(say("Gran"), RATE)[:: RATE // rate], -1, 1), rate)
    told, last = enrol("name=Gran", "clips=gran.wav").splitlines()
    assert told.startswith(f"gran.wav: {fault}")
    assert last.startswith("Gran: 1 of 1 recording, ")
