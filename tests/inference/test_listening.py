import json

import numpy as np
import pytest
import soundfile
from recognised import accepted, recognised
from spoken import say

from speech.audio import endpointing, files
from speech.audio.streams import Fault
from speech.inference import listening
from speech.inference.batch import fields_of
from speech.inference.listening import Letters, Listed, Recognised, listen, spot
from speech.inference.reloading import reloaded
from speech.inference.transcriber import Transcript
from speech.text.names import read_names

NAMES = ["Martin", "Marvin", "Morton", "Mark"]


@pytest.fixture(scope="module")
def clip():
    return say("Martin")


@pytest.mark.parametrize(("before", "after"), [(0, 0), (16_000, 24_000), (40_000, 1_000)])
def test_a_files_events_are_its_transcript(runtime, clip, before, after):
    sound = np.pad(clip, (before, after))
    (event,) = recognised(runtime, [sound], NAMES)
    assert event.transcript == runtime.transcribe((sound, 16_000), NAMES)
    assert (event.start_s, event.end_s) == tuple(n / 16_000 for n in endpointing.find_speech(sound, 16_000))


def test_a_name_said_forty_times_is_forty_events(runtime, clip):
    once = np.pad(clip, (16_000, 24_000 + -len(clip) % 3_200))  # at the same place of the end-pointer's frames
    events = recognised(runtime, [once] * 40, NAMES)
    assert [event.transcript.names[0][0] for event in events] == ["Martin"] * 40
    later = [event.transcript for event in events[4:]]  # before, the end-pointer's window holds fewer names
    assert {(one.letters, one.accepted) for one in later} == {(later[0].letters, later[0].accepted)}


def test_letters_come_before_the_name_is_over(runtime, clip):
    sound = np.pad(clip, (16_000, 24_000))
    events = list(listen(runtime, [sound], runtime.lexicon(NAMES), True, 5))
    assert isinstance(events[-1], Recognised)
    letters = [event for event in events if isinstance(event, Letters)]
    assert letters
    assert letters[0].time_s < events[-1].end_s + endpointing.GAP_S
    assert 0 < events[-1].latency_s < endpointing.GAP_S + 5


def test_a_fault_of_the_device_stands_between_the_names(runtime, clip):
    sound, fault = np.pad(clip, (8_000, 20_000)), Fault("overrun", 0.1)
    events = list(listen(runtime, [sound, fault, sound], runtime.lexicon(NAMES), False, 5))
    assert [type(event) for event in events] == [Recognised, Fault, Recognised]


def said(events):
    return [event.transcript.names[0][0] for event in events if isinstance(event, Recognised)]


def test_another_list_holds_from_where_it_stands_in_the_stream(runtime, clip):
    sound, other = np.pad(clip, (8_000, 20_000)), Listed(runtime.lexicon(["Marvin"]))
    assert said(recognised(runtime, [sound, other, sound], ["Martin"])) == ["Martin", "Marvin"]


@pytest.mark.parametrize("listed_s", [1.5, 1.75, 2.0, 2.25, 2.75])
def test_a_name_of_both_lists_is_reported_once_wherever_the_list_changes(runtime, listed_s):
    sound = np.pad(say("have you seen Jennifer at the house"), (16_000, 32_000))
    blocks = np.split(sound, range(320, len(sound), 320))
    blocks.insert(round(listed_s * 50), Listed(runtime.lexicon(["Robert", "Jennifer"])))
    assert accepted(recognised(runtime, blocks, ["Jennifer"])) == ["Jennifer"]


def test_a_file_of_names_is_read_again_and_a_wrong_one_changes_nothing(runtime, clip, tmp_path):
    path, sound = tmp_path / "names.txt", np.pad(clip, (8_000, 20_000))
    path.write_text("Martin\n")

    def blocks():
        yield sound
        path.write_text("Marvin\nMarv1n\n")
        yield sound
        path.unlink()
        yield sound
        path.write_text("Marvin\n")
        yield sound

    def read():
        return runtime.lexicon(read_names(str(path), runtime.alphabet))

    events = list(listen(runtime, reloaded(blocks(), path, read), read(), False, 5))
    assert said(events) == ["Martin", "Martin", "Martin", "Marvin"]
    faults = [event.text for event in events if isinstance(event, Fault)]
    assert "names.txt:2: " in faults[0]
    assert "names.txt" in faults[1]
    assert [list(event.lexicon) for event in events if isinstance(event, Listed)] == [["Marvin"]]


@pytest.mark.parametrize("n_samples", [0, 3, 16_000])
def test_silence_has_no_events(runtime, n_samples):
    assert recognised(runtime, [np.zeros(n_samples, np.float32)], NAMES) == []


def test_a_recordings_names_do_not_depend_on_those_before(runtime, clip, tmp_path):
    sounds = {"name": np.pad(clip, (16_000, 24_000)), "silence": np.zeros(32_000, np.float32)}
    for stem, sound in sounds.items():
        soundfile.write(tmp_path / f"{stem}.wav", sound, 16_000, subtype="FLOAT")
    (tmp_path / "text.wav").write_text("no sound", encoding="utf-8")
    lexicon = runtime.lexicon(["Martin", "Rosalind"])
    name, silence, text = (tmp_path / f"{stem}.wav" for stem in ("name", "silence", "text"))

    def found(*clips):
        return [(s.clip, s.recognised and s.recognised.transcript) for s in spot(runtime, clips, lexicon, 5)]

    assert len(alone := found(name)) == 1
    assert alone[0][1].names[0][0] == "Martin"
    assert found(name, silence, name) == found(silence, name, name) == alone * 2
    assert found(text, name) == [(text, None), *alone]


@pytest.mark.parametrize("rate", [8_000, 11_025])
def test_a_recording_of_a_narrow_band_is_told_of_before_its_names(runtime, clip, tmp_path, rate):
    path = tmp_path / "a.wav"
    files.write(path, files.to_waveform(clip, runtime.sample_rate, rate), rate)
    fault, *names = spot(runtime, [path], runtime.lexicon(NAMES), None)
    assert fault.to_text().startswith(f"{path}: narrow band: recorded at {rate} Hz, ")
    assert json.loads(fault.to_json()) == {"clip": str(path), "event": "fault", "text": fault.fault}
    assert names
    assert all(one.recognised for one in names)


def test_of_a_cut_recording_the_names_are_told_and_that_it_is_cut(runtime, clip, tmp_path):
    path = tmp_path / "cut\x1b[2J.wav"
    soundfile.write(path, np.pad(clip, (16_000, 48_000)), 16_000)
    path.write_bytes(path.read_bytes()[:-32_000])
    name, refused = spot(runtime, [path], runtime.lexicon(NAMES), 5)
    assert name.recognised.transcript.names[0][0] == "Martin"
    assert refused.refused.startswith("truncated")
    assert all(r"cut\x1b[2J.wav" in found.to_text() for found in (name, refused))


def test_a_stream_tells_the_verdict_that_a_transcript_has():
    unsure = Transcript("mo", [("Mo", 0.7), ("Bo", 0.3)], [], "mo", 0.7, False, True)
    told = json.loads(Recognised(0.1, 0.5, 0.2, unsure).to_json())
    same = {key: value for key, value in fields_of(unsure).items() if key in told}
    assert {"letters", "phones", "out_of_list", "accepted", "unsure"} <= set(same)
    assert {key: told[key] for key in same} == same
    assert (told["name"], told["probability"]) == ("Mo", 0.7)
    text = Recognised(0.1, 0.5, 0.2, unsure).to_text()
    assert text.endswith("unsure, out of list 0.700: say it again; nearest Mo 0.700  (200 ms late)")


def test_a_name_is_told_of_soon_after_its_end(runtime, clip):
    sound = np.pad(clip, (16_000, 24_000))
    (event,) = recognised(runtime, [sound], NAMES)
    fed_s = endpointing.LOOK * endpointing.HOP_MS / 1000 + listening.PAUSE_S + 0.08
    assert 0 < event.latency_s < fed_s + 2  # of which the recogniser may take two, on a busy machine
    lexicon, n_fed = runtime.lexicon(NAMES), 0

    def blocks():
        nonlocal n_fed
        for block in np.split(sound, range(320, len(sound), 320)):
            n_fed += len(block)
            yield block

    first = next(listen(runtime, blocks(), lexicon, False, 5))
    assert n_fed / 16_000 - first.end_s < fed_s


def test_a_name_that_begins_a_longer_one_waits_for_the_end_of_the_pause(runtime, clip):
    sound = np.pad(clip, (16_000, 24_000))
    (event,) = recognised(runtime, [sound], ["Martin", "Martin Luther", "Mark"])
    assert event.transcript.names[0][0] == "Martin"
    assert event.latency_s > endpointing.GAP_S
