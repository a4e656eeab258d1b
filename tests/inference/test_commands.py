"""``speech-transcribe`` of the wheel that has neither torch nor Hydra."""

import json
import sys
from contextlib import nullcontext

import numpy as np
import pytest
import soundfile
from commands import run_command

from speech.audio import files
from speech.inference.entry_points import listen, spot, transcribe


@pytest.fixture
def run(monkeypatch, capsys):
    def with_arguments(*arguments):
        monkeypatch.setattr(sys, "argv", ["speech-transcribe", *map(str, arguments)])
        transcribe()
        return capsys.readouterr()

    return with_arguments


@pytest.fixture
def clip(recordings):
    return recordings / "one" / "f1_0.wav"


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        (["names=[one,two]", "false_accept_rate=0.01"], {"one", "two"}),
        (["names=null", "enrolled=null", "false_accept_rate=null"], set()),
    ],
)
def test_it_prints_what_the_command_with_hydra_prints(run, clip, capsys, settings, names):
    arguments = f"clips={clip}", "json=true", *settings
    ours = run(*arguments)
    run_command("transcribe", *arguments)
    assert ours == capsys.readouterr()
    assert dict(json.loads(ours.out)["names"]).keys() == names


def test_a_list_of_a_text_file_has_its_pronunciations(run, clip, tmp_path):
    (tmp_path / "names.txt").write_text("Zbigniew = one\nMarvin\n", encoding="utf-8")
    found = json.loads(run(f"clips={clip}", f"names={tmp_path / 'names.txt'}", "json=true").out)
    assert found["names"][0][0] == "Zbigniew"


def test_what_it_cannot_use_is_one_line(run, clip, tmp_path, capsys):
    (tmp_path / "recognizer.pt").touch()
    for wrong in (
        f"recognizer={tmp_path}",
        "names=[]",
        "names=[Anna,anna]",
        "enrolled=nowhere",
        "clips=nowhere",
        "json=maybe",
        "false_accept_rate=abc",
        "false_accept_rate=nan",
    ):
        with pytest.raises(SystemExit, match="2"):
            run(f"clips={clip}", wrong)
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("error: ")


def test_listening_and_spotting_print_what_the_commands_with_hydra_print(clip, monkeypatch, capsys, tmp_path):
    sound = np.pad(files.read(clip, 16_000), (8_000, 20_000))
    soundfile.write(tmp_path / "twice.wav", np.tile(sound, 2), 16_000)

    def events(printed):
        return [json.loads(line) | {"latency_s": None} for line in printed.out.splitlines()]

    twice = str(tmp_path / "twice.wav")
    for command, main, place in (
        ("listen", listen, f"source={twice}"),
        ("spot", spot, f"clips=[{twice},{tmp_path}]"),
    ):
        arguments = [place, "names=[one,two]", "json=true"]
        monkeypatch.setattr(sys, "argv", [f"speech-{command}", *arguments])
        main()
        ours = events(capsys.readouterr())
        run_command(command, *arguments)
        assert ours == events(capsys.readouterr())
        assert [event["name"] for event in ours if event.get("name")] == ["one", "one"]


def test_spotting_without_a_name_is_told_and_finds_not_nothing(capsys, clip):
    with pytest.raises(SystemExit):
        run_command("spot", f"clips={clip}")
    assert "no names to look for: give names=[Anna,Bob]" in capsys.readouterr().err


def test_where_no_recording_could_be_heard_spotting_ends_with_an_error(capsys, tmp_path, clip):
    (tmp_path / "none.wav").write_text("no sound")
    for clips, code in ((f"[{tmp_path / 'none.wav'}]", 2), (f"[{tmp_path / 'none.wav'},{clip}]", 0)):
        with pytest.raises(SystemExit) if code else nullcontext():
            run_command("spot", f"clips={clips}", "names=[one,two]")
        told = capsys.readouterr()
        assert told.out.startswith(f"refused: {tmp_path / 'none.wav'}: not readable as audio")
        assert told.err == ("error: 0 of 1 clip could be processed to the end\n" if code else "")
