"""scripts/fit_spotting.py: whom it may hear, and the files that it changes."""

import csv
import shutil

import fit_spotting
import numpy as np
import pytest
import soundfile

from speech import Recognizer, Runtime, pretrained
from speech.inference.confirmation import UNFITTED, Confirmation
from speech.tts.espeak import Espeak
from speech.tts.voice import Voice


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
    calibration = fit_spotting.CALIBRATION.read_text().split()[0]
    (tmp_path / "human" / "speech_commands").mkdir(parents=True)
    spoken, rate = Espeak().speak("left", Voice("espeak", "en-US", "m3"), np.random.default_rng(0))
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


def test_a_recogniser_that_needs_more_here_needs_as_much_more_in_peoples_sentences():
    first = fit_spotting.FIRST
    for more in (-0.25, 0.0, 0.5):
        found = fit_spotting.carried(Confirmation(first.one_an_hour + more, first.tenfold))
        assert found.one_an_hour == pytest.approx(UNFITTED.one_an_hour + more)
        assert found.tenfold == pytest.approx(UNFITTED.tenfold)
    assert fit_spotting.carried(Confirmation(first.one_an_hour, 0.0)).tenfold <= 0
