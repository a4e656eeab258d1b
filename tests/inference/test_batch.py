import json

import numpy as np
import pytest

from speech.audio import endpointing, files
from speech.inference.batch import ClipResult, transcribe
from speech.inference.transcriber import Span, Transcript


@pytest.fixture(scope="module")
def recognizer(make_recognizer):
    return make_recognizer(n_units=16, n_layers=1)


@pytest.fixture
def clips(recordings, tmp_path):
    """One recording at three levels, silence, and a file that is no audio."""
    waveform = files.read(recordings / "one" / "f1_0.wav", 16_000)
    for name, gain in (("clipped", 30), ("faint", 0.005), ("good", 1), ("silent", 0)):
        files.write(tmp_path / f"{name}.wav", waveform * np.float32(gain), 16_000)
    (tmp_path / "bad.wav").write_bytes(b"no audio")
    return files.find_clips(tmp_path)


def test_each_clip_has_a_transcript_with_its_faults_or_a_reason(recognizer, clips, monkeypatch):
    calls, endpointer = [], endpointing.Endpointer
    monkeypatch.setattr(endpointing, "Endpointer", lambda rate: calls.append(rate) or endpointer(rate))
    bad, clipped, faint, good, silent = transcribe(recognizer, clips, recognizer.lexicon(["Anna", "Bob"]))
    assert len(calls) == 3, "a clip that is not silent is end-pointed once"
    assert "convert it to WAV or FLAC" in bad.refused
    assert silent.refused.startswith("no speech found")
    assert clipped.transcript.faults[0].startswith("too loud: ")
    assert faint.transcript.faults[0].startswith("too quiet: -")
    assert not good.transcript.faults
    assert good.transcript == recognizer.transcribe(clips[3], ["Anna", "Bob"])
    assert {name for name, _ in good.transcript.names} == {"Anna", "Bob"}


def test_level_faults_are_those_of_the_speech_alone(recognizer, clips, tmp_path):
    waveform = files.read(clips[3], 16_000)
    start, stop = endpointing.find_speech(waveform, 16_000)
    just_enough = 10 ** (-44.9 / 20) / np.sqrt(np.mean(waveform[start:stop] ** 2))
    for level, n_faults in ((1.0, 0), (0.97, 1)):
        files.write(tmp_path / "edge.wav", waveform * np.float32(just_enough * level), 16_000)
        (result,) = transcribe(recognizer, [tmp_path / "edge.wav"], {})
        assert len(result.transcript.faults) == n_faults


def test_a_result_as_json_has_the_documented_keys(recognizer, clips):
    bad, *_, good, _ = (json.loads(result.to_json()) for result in transcribe(recognizer, clips, recognizer.lexicon()))
    assert list(good) == ["clip", "letters", "names", "spans", "phones", "out_of_list", "accepted", "unsure", "faults"]
    assert list(bad) == ["clip", "refused"]
    assert good["clip"].endswith("good.wav")
    span = json.loads(ClipResult("a", Transcript("m", [("Mo", 1.0)], [Span("m", 0.0, 0.1)])).to_json())["spans"][0]
    assert span == {"letter": "m", "start_s": 0.0, "end_s": 0.1}


def test_a_result_as_text_is_a_line_with_its_faults_below(recognizer, clips):
    bad, clipped, *_ = (result.to_text().splitlines() for result in transcribe(recognizer, clips, recognizer.lexicon()))
    assert bad[0].startswith(f"refused: {clips[0]}: not readable")
    assert clipped[0].startswith(f"{clips[1]}  ")
    assert clipped[1].startswith("  too loud: ")
    names, spans = [("Mo", 0.7), ("Bo", 0.3)], [Span("m", 0.1, 0.2), Span("o", 0.2, 0.4)]
    text = ClipResult("a.wav", Transcript("mo", names, spans, "moʊ", 0.9, False)).to_text()
    assert text.split("  ")[:2] == ["a.wav", "mo /moʊ/"]
    assert text.endswith("0.10-0.40 s   out of list 0.900; nearest Mo 0.700, Bo 0.300")
    assert "out of list" not in ClipResult("a.wav", Transcript("mo", names, spans, None, 0.1, True)).to_text()
    unsure = ClipResult("a.wav", Transcript("mo", names, spans, None, 0.7, False, True)).to_text()
    assert unsure.endswith("unsure, out of list 0.700: say it again; nearest Mo 0.700, Bo 0.300")
