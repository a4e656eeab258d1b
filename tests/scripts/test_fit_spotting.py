"""scripts/fit_spotting.py: whose recordings it may use, and the files that it changes."""

import csv
import shutil

import fit_spotting
import numpy as np
import pytest
import soundfile
from benchlib.people import calibration_speakers
from spoken import say, speak

from speech import Recognizer, Runtime, pretrained
from speech.inference.confirmation import Confirmation
from speech.inference.spotting import Spotter
from speech.inference.stream_spotting import StreamSpotter


def test_each_file_of_the_recogniser_and_its_checksum_take_the_thresholds(tmp_path, monkeypatch):
    folder = shutil.copytree(pretrained.FOLDER, tmp_path / "pretrained")
    before = Runtime(folder)
    found = Confirmation(-1.75, -0.5)
    assert fit_spotting.store(folder, found) == ["recognizer.pt", "recognizer.int8.onnx"]
    monkeypatch.setattr(pretrained, "FOLDER", folder)
    for one in (Recognizer.load(), Runtime.load()):  # both compare the checksums
        assert one.confirmation == found
        assert one.rejection == before.rejection
    waveform = np.random.default_rng(0).normal(0, 0.1, 8_000).astype(np.float32)
    for a, b in zip(before.log_probs(waveform).outputs, Runtime.load().log_probs(waveform).outputs, strict=True):
        assert (a == b).all()


def test_of_people_those_for_calibration_alone_are_heard(tmp_path):
    """A test speaker's clip would be twice as loud."""
    calibration = min(calibration_speakers())
    (tmp_path / "human" / "speech_commands").mkdir(parents=True)
    spoken, rate = speak("left")
    loud = np.abs(spoken).max()
    rows = []
    for speaker, gain in ((calibration, 1), ("gsc-of-the-test", 2)):
        path = f"speech_commands/{speaker}.wav"
        soundfile.write(tmp_path / "human" / path, 0.2 * gain / loud * spoken, rate)
        rows.append({"path": path, "text": "left", "speaker": speaker})
    with (tmp_path / "human" / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["path", "text", "speaker"])
        writer.writeheader()
        writer.writerows(rows)
    (piece,), words = fit_spotting.people(tmp_path, np.random.default_rng(0))
    assert words == {"left"}
    assert np.abs(piece).max() == pytest.approx(0.2, abs=0.03)


def test_no_name_that_is_listened_for_is_said_or_sounds_as_a_word_that_is():
    chosen = [*fit_spotting.lists({"mary", "michelle", "happy"})]
    assert [len(one) for one in chosen] == [fit_spotting.N_NAMES] * fit_spotting.N_LISTS
    names = [name for one in chosen for name in one]
    assert len(set(names)) == len(names)
    assert not {"mary", "merry", "michelle", "michele"} & set(names)
    assert "patricia" in names


def test_a_higher_threshold_here_is_as_much_higher_for_peoples_sentences():
    for first in (fit_spotting.FIRST, fit_spotting.FIRST_FINDER):
        here, there = first
        for more in (-0.25, 0.0, 0.5):
            found = fit_spotting.carried(Confirmation(here.one_an_hour + more, here.tenfold), first)
            assert found.one_an_hour == pytest.approx(there.one_an_hour + more)
            assert found.tenfold == pytest.approx(there.tenfold)
        assert fit_spotting.carried(Confirmation(here.one_an_hour, 0.0), first).tenfold <= 0


def test_the_file_of_a_finder_takes_its_thresholds_and_no_other_does(tmp_path, monkeypatch):
    folder = shutil.copytree(pretrained.FOLDER, tmp_path / "pretrained")
    before = Runtime(folder).confirmation
    found = Confirmation(-1.5, -0.25)
    assert fit_spotting.store(folder / pretrained.STREAMING, found) == [pretrained.STREAMING]
    monkeypatch.setattr(pretrained, "FOLDER", folder)
    assert Runtime.load().confirmation == before != found
    assert Runtime(pretrained.shipped(pretrained.STREAMING)).confirmation == found


def test_as_many_false_alarms_reach_a_threshold_as_are_reported_at_it(runtime, monkeypatch):
    names, piece = ["jennifer", "robert", "jeremy"], np.concatenate([say("have you seen Jennifer at the house")] * 2)
    monkeypatch.setattr(fit_spotting, "lists", lambda words: [names])
    monkeypatch.setattr(fit_spotting, "FLOOR", 0)
    scores = fit_spotting.false_alarms(runtime, runtime.finder, [piece], set())
    assert len(scores) >= 2
    for least in (min(scores), max(scores), max(scores) + 0.01):
        monkeypatch.setattr(runtime.finder, "confirmation", Confirmation(least, 0.0))
        stream = StreamSpotter(Spotter(runtime, runtime.lexicon(names), 1.0), runtime.finder, 0)
        told = stream.feed(piece) + stream.finish()
        assert len(told) == sum(score >= least for score in scores)
    assert scores != fit_spotting.false_alarms(runtime, None, [piece], set()), "the recogniser alone"
