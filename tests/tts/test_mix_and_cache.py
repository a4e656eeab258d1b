import numpy as np
import pytest

from speech.tts.cached import CachedEngine
from speech.tts.espeak import Espeak
from speech.tts.mix import Mix, draw_voices
from speech.tts.voice import Voice, VoiceError

VOICE = Voice("espeak", "en-US", "max")


class Counted(Espeak):
    n_calls = 0

    def speak(self, text, voice, rng):
        self.n_calls += 1
        return super().speak(text, voice, rng)


class Silent:
    """``n`` voices of two accents."""

    def __init__(self, name, n):
        self.name, self.n = name, n

    def voices(self):
        return [Voice(self.name, ("en-US", "en-GB")[i % 2], str(i)) for i in range(self.n)]


def speak(engine, text="Martin", voice=VOICE, seed=0):
    return engine.speak(text, voice, np.random.default_rng(seed))[0]


def test_a_cached_sound_is_read_sample_by_sample(tmp_path):
    engine = Counted()
    first = speak(CachedEngine(engine, tmp_path))
    again = speak(CachedEngine(engine, tmp_path))  # another run, the same folder
    assert engine.n_calls == 1
    np.testing.assert_array_equal(first, again)
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".flac"]


@pytest.mark.parametrize(
    "changed",
    [
        {"text": "Marvin"},
        {"voice": Voice("espeak", "en-US", "max", shift_seed=3)},
        {"seed": 1},
        {"engine": Counted(rate=(80, 80))},
    ],
)
def test_whatever_shapes_a_sound_is_in_its_key(changed, tmp_path):
    engine = Counted()
    speak(CachedEngine(engine, tmp_path))
    other = changed.pop("engine", engine)
    before = other.n_calls
    speak(CachedEngine(other, tmp_path), **changed)
    assert other.n_calls == before + 1


def test_a_mix_calls_the_engine_of_a_voice():
    mix = Mix({"espeak": Espeak()}, {"espeak": 2})
    assert mix.weights == {"espeak": 1.0}
    assert len(speak(mix)) > 1000
    with pytest.raises(VoiceError, match="no engine kokoro"):
        speak(mix, voice=Voice("kokoro", "en-US", "af_heart"))


def test_voices_are_drawn_by_their_engines_weights_without_replacement():
    few, many = Silent("few", 10), Silent("many", 1000)
    mix = Mix({"few": few, "many": many}, {"few": 1, "many": 1})
    first = [draw_voices(mix, 1, np.random.default_rng(seed))[0].engine for seed in range(400)]
    assert 0.4 < first.count("few") / 400 < 0.6
    every = draw_voices(mix, 2000, np.random.default_rng(0))
    assert len(set(every)) == len(every) == 1010
    assert len(draw_voices(few, 3, np.random.default_rng(0))) == 3
    british = draw_voices(few, 10, np.random.default_rng(0), "en-GB")
    assert [voice.accent for voice in british] == ["en-GB"] * 5
    with pytest.raises(ValueError, match="accent=en-XX: no voice has it; choose from en-GB, en-US"):
        draw_voices(few, 1, np.random.default_rng(0), "en-XX")


@pytest.mark.parametrize("weights", [{"kokoro": 1}, {"espeak": 0}])
def test_a_mix_without_a_weight_for_each_engine_is_refused(weights):
    with pytest.raises(ValueError, match="give each of espeak one above 0"):
        Mix({"espeak": Espeak()}, weights)
