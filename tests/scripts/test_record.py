"""scripts/record.py, driven by a sound in place of the microphone, whose own faults tests/audio/test_streams.py has."""

import itertools
import sys

import numpy as np
import pytest
import record
from spoken import speak

from speech.audio import files
from speech.audio.streams import Fault, Format
from speech.data.enrolment import Enrolment

RATE = 16_000
SECONDS = 1.5
BEFORE = round(3 * 0.5 * RATE)  # samples that the countdown takes


class Sounds:
    """What a microphone records each time that it is opened: one of ``sounds``, and silence when that is over."""

    format = Format("Desk", RATE, 1, "float32")

    def __init__(self, sounds):
        self.left = iter(sounds)

    def blocks(self, sample_rate):
        yield Fault("overrun")
        sound = np.pad(next(self.left), (0, 10 * RATE))
        yield from np.split(sound, range(RATE // 20, len(sound), RATE // 20))


def session(root, sounds, names=("Anna", "Bob"), answers=None, n_takes=2):
    """Record with one of ``sounds`` a take; returns how many were written and all that was shown."""
    shown, answers = [], iter(answers or itertools.repeat(""))

    def ask(prompt):
        shown.append(prompt)
        return next(answers)

    n = record.record(root, names, "ann", n_takes, Sounds(sounds), SECONDS, ask, shown.append)
    return n, "".join(shown)


@pytest.fixture(scope="module")
def says():
    """A room in which a name is said 0.3 s after the signal, differently each time."""

    def say(take, gain=1.0):
        samples, rate = speak("Anna", "f2", draw=take)
        name = files.to_waveform(samples, rate, RATE)
        room = np.random.default_rng(take).normal(0, 3e-4, round((1.5 + SECONDS) * RATE)).astype(np.float32)
        start = BEFORE + round(0.3 * RATE)
        room[start : start + len(name)] += name[: len(room) - start] * np.float32(gain)
        return room

    return say


def test_each_name_is_recorded_until_enrolment_has_its_takes(says, tmp_path):
    n, shown = session(tmp_path, [says(i) for i in range(4)])
    assert n == 4
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.glob("*/*")) == [
        "Anna/ann_0.wav", "Anna/ann_1.wav", "Bob/ann_0.wav", "Bob/ann_1.wav"
    ]  # fmt: skip
    assert [f"{name}, {take} of 2" in shown for name in ("Anna", "Bob") for take in (1, 2)] == [True] * 4
    items, refused = Enrolment(str(tmp_path), n_recordings=1).items(record.Alphabet())
    assert len(items) == 4
    assert not refused
    assert {item.speaker for item in items} == {"ann"}
    kept = files.read(tmp_path / "Anna/ann_0.wav", RATE)
    assert 0.2 * RATE < len(kept) < SECONDS * RATE, "trimmed"


def test_what_is_of_no_use_is_told_and_asked_for_again(says, tmp_path):
    sounds = [np.zeros(0, np.float32), np.clip(says(1, 50.0), -1, 1), says(2)]
    n, shown = session(tmp_path, sounds, names=["Anna"], n_takes=1)
    assert n == 1
    assert "nothing was recorded" in shown
    assert "too loud" in shown
    assert shown.count("Anna, 1 of 1") == shown.count("\n  overrun\n") == 3


def test_it_goes_on_where_it_was_left_and_overwrites_nothing(says, tmp_path):
    n, _ = session(tmp_path, [says(0)], answers=["", "q"])
    assert n == 1
    (tmp_path / "Anna/ann_0.wav").rename(tmp_path / "Anna/ann_1.wav")  # numbers need not be in a row
    before = (tmp_path / "Anna/ann_1.wav").read_bytes()
    n, _ = session(tmp_path, [says(i) for i in range(1, 6)], n_takes=3)
    assert n == 5
    assert (tmp_path / "Anna/ann_1.wav").read_bytes() == before
    assert {p.name for p in (tmp_path / "Anna").iterdir()} == {"ann_0.wav", "ann_1.wav", "ann_2.wav"}
    n, shown = session(tmp_path, [], n_takes=3)
    assert (n, shown) == (0, "")


def test_a_name_can_be_left_out(says, tmp_path):
    n, _ = session(tmp_path, [says(0), says(1)], answers=["s", "", ""])
    assert n == 2
    assert not list((tmp_path / "Anna").iterdir())


def test_the_meter_rises_with_the_sound_and_warns_at_full_scale():
    bars = [record.meter(np.full(800, level, np.float32)) for level in (0.0, 0.01, 0.1, 0.5)]
    lengths = [bar.count("#") for bar in bars]
    assert lengths == sorted(set(lengths))
    assert lengths[0] == 0
    assert not any("too loud" in bar for bar in bars)
    assert "too loud" in record.meter(np.ones(800, np.float32))


@pytest.mark.parametrize("speaker", ["a_b", "../ann", "", "ann b", "-"])
def test_a_speaker_that_cannot_stand_in_a_files_name_is_refused(speaker):
    with pytest.raises(ValueError, match=r"--speaker .*: letters, digits and hyphens"):
        record.check_speaker(speaker)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{root}", "Anna", "--speaker", "a_b"], "--speaker 'a_b'"),
        (["{root}", "Zoe", "Zoë", "--speaker", "ann"], "is already 'Zoe' of names[0]"),
        (["{root}", "../up", "--speaker", "ann"], "cannot write"),
    ],
)
def test_what_cannot_be_meant_is_one_line(tmp_path, capsys, arguments, message):
    with pytest.raises(SystemExit) as ended:
        record.main([argument.format(root=tmp_path) for argument in arguments])
    assert ended.value.code == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1
    assert message in told[0]


def test_without_a_sound_device_the_way_out_is_told(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "sounddevice", None)  # as if it were not installed
    with pytest.raises(SystemExit) as ended:
        record.main([str(tmp_path), "Anna", "--speaker", "ann"])
    assert ended.value.code == 2
    assert "pip install sounddevice" in capsys.readouterr().err
