"""scripts/record.py, driven by a file in place of the microphone."""

import io
import itertools
import sys
from contextlib import contextmanager

import numpy as np
import pytest
import record
from spoken import speak

from speech.audio import files
from speech.data.enrolment import Enrolment

RATE = 16_000
SECONDS = 1.5
BEFORE = round(3 * 0.5 * RATE)  # samples that the countdown takes


class File:
    """A sound as a stream: what a microphone would give, block by block, and silence when it is over."""

    def __init__(self, waveform, sample_rate=RATE):
        self.waveform, self.sample_rate, self.position = waveform, sample_rate, 0

    def read(self, n_samples):
        block = self.waveform[self.position : self.position + n_samples]
        self.position += n_samples
        return np.pad(block, (0, n_samples - len(block)))


def session(root, sounds, names=("Anna", "Bob"), answers=None, n_takes=2):
    """Record with one of ``sounds`` a take; returns how many were written and all that was shown."""
    shown, left, answers = [], iter(sounds), iter(answers or itertools.repeat(""))

    @contextmanager
    def opened():
        yield File(next(left))

    def ask(prompt):
        shown.append(prompt)
        return next(answers)

    n = record.record(root, names, "ann", n_takes, opened, SECONDS, ask, shown.append)
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


def test_each_name_is_asked_for_until_it_has_its_takes_in_the_form_that_enrolment_reads(says, tmp_path):
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
    assert shown.count("Anna, 1 of 1") == 3


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
        (["{root}", "Anna"], "and --speaker"),
        (["{root}", "Anna", "--speaker", "a_b"], "--speaker 'a_b'"),
        (["{root}", "Zoe", "Zoë", "--speaker", "ann"], "is 'Zoe' of names[0] already"),
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


class FakeDevice:
    """sounddevice, as far as the script goes: one microphone, and the moment at which it fails."""

    class PortAudioError(Exception):
        pass

    def __init__(self, sound, fails):
        self.sound, self.fails, self.n_reads, self.samplerate = File(sound), fails, 0, RATE

    def query_devices(self):
        return [{"index": 3, "name": "Desk", "default_samplerate": 16_000.0, "max_input_channels": 1}]

    def fail(self, moment):
        if moment == self.fails:
            raise self.PortAudioError(f"Error at {moment}")

    def InputStream(self, **_):
        self.fail("open")
        return self

    def __enter__(self):
        self.fail("start")

    def __exit__(self, *_):
        self.fail("stop")

    def read(self, n_samples):
        self.n_reads += 1
        self.fail("first read" if self.n_reads == 1 else "later read" if self.n_reads > 100 else "")
        return self.sound.read(n_samples)[:, None], False


@pytest.mark.parametrize(
    ("fails", "told", "n_kept"),
    [
        ("open", "does not open (Error at open): choose --device of: 3 Desk (16000 Hz)", 0),
        ("start", "gives no sound (Error at start): plug it in again, or choose --device of: 3 Desk (16000 Hz)", 0),
        ("first read", "gives no sound (Error at first read): plug it in again", 0),
        ("later read", "gives no sound (Error at later read): plug it in again", 1),
    ],
)
@pytest.mark.parametrize("device", [None, 3])
def test_a_microphone_that_fails_is_one_line_and_what_was_recorded_is_kept(
    says, monkeypatch, tmp_path, capsys, fails, told, n_kept, device
):
    monkeypatch.setitem(sys.modules, "sounddevice", FakeDevice(np.concatenate([says(0), says(1)]), fails))
    monkeypatch.setattr("sys.stdin", io.StringIO("\n" * 9))
    with pytest.raises(SystemExit) as ended:
        record.main(
            [str(tmp_path), "Anna", "--speaker", "ann", "--takes", "9", "--seconds", str(SECONDS)]
            + ([] if device is None else ["--device", str(device)])
        )
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    which = "the system's microphone" if device is None else "microphone 3"
    assert line.startswith(f"error: {which} {told}")
    assert len(list(tmp_path.glob("Anna/ann_*.wav"))) == n_kept


def test_a_fault_of_the_programs_own_is_not_taken_for_the_microphones(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", FakeDevice(np.zeros(0, np.float32), None))
    with pytest.raises(ValueError, match=r"^ours$"), record.microphone(None):
        raise ValueError("ours")


def test_without_a_sound_device_or_its_package_the_way_out_is_told(monkeypatch, tmp_path, capsys):
    """Whatever is missing here: the package, PortAudio, or a microphone; a machine that has all of them is asked."""
    monkeypatch.setitem(sys.modules, "sounddevice", None)  # as if it were not installed
    with pytest.raises(SystemExit) as ended:
        record.main([str(tmp_path), "Anna", "--speaker", "ann"])
    assert ended.value.code == 2
    assert "pip install sounddevice" in capsys.readouterr().err
    monkeypatch.undo()
    told = ""
    try:
        there = record.microphones()
    except (record.MicrophoneError, ModuleNotFoundError) as error:
        there, told = [], str(error)
    assert there or any(way in told for way in ("apt install", "plug one in", "pip install"))
