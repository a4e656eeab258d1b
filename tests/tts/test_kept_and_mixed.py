import numpy as np
import pytest

from speech.tts.cached import CachedEngine
from speech.tts.espeak import Espeak
from speech.tts.mix import Mix, draw_voices
from speech.tts.voice import Voice, VoiceError

VOICE = Voice("espeak", "en-US", "max")


class Counted(Espeak):
    """espeak that counts what it is asked."""

    n_asked = 0

    def speak(self, text, voice, rng):
        self.n_asked += 1
        return super().speak(text, voice, rng)


def said(engine, text="Martin", voice=VOICE, seed=0):
    return engine.speak(text, voice, np.random.default_rng(seed))[0]


def test_what_was_said_once_is_read_the_next_time_sample_by_sample(tmp_path):
    engine = Counted()
    first = said(CachedEngine(engine, tmp_path))
    again = said(CachedEngine(engine, tmp_path))  # another run, the same folder
    assert engine.n_asked == 1
    np.testing.assert_array_equal(first, again)
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize(
    "changed", [{"text": "Marvin"}, {"voice": Voice("espeak", "en-US", "max", shift_seed=3)}, {"seed": 1}]
)
def test_whatever_shapes_a_sound_gives_it_a_key_of_its_own(changed, tmp_path):
    engine = Counted()
    said(CachedEngine(engine, tmp_path))
    said(CachedEngine(engine, tmp_path), **changed)
    assert engine.n_asked == 2


def test_an_engine_that_was_set_otherwise_is_asked_again(tmp_path):
    slow = Counted(rate=(80, 80))
    said(CachedEngine(Counted(rate=(300, 300)), tmp_path))
    said(CachedEngine(slow, tmp_path))
    assert slow.n_asked == 1


def test_a_mix_asks_the_engine_that_a_voice_names():
    mix = Mix({"espeak": Espeak()}, {"espeak": 2})
    assert mix.weights == {"espeak": 1.0}
    assert len(said(mix)) > 1000
    with pytest.raises(VoiceError, match="no engine kokoro"):
        said(mix, voice=Voice("kokoro", "en-US", "af_heart"))


def test_voices_are_drawn_by_the_weights_of_their_engines_and_none_twice():
    few, many = [[Voice(name, "en-US", str(i)) for i in range(n)] for name, n in (("few", 10), ("many", 1000))]
    mix = Mix({"few": Espeak(), "many": Espeak()}, {"few": 1, "many": 1})
    first = [draw_voices(mix, few + many, 1, np.random.default_rng(seed))[0].engine for seed in range(400)]
    assert 0.4 < first.count("few") / 400 < 0.6
    every = draw_voices(mix, few + many, 2000, np.random.default_rng(0))
    assert len(set(every)) == len(every) == 1010
    assert len(draw_voices(Espeak(), few, 3, np.random.default_rng(0))) == 3


def test_a_mix_without_a_weight_for_each_engine_is_refused():
    with pytest.raises(ValueError, match="give each of espeak one above 0"):
        Mix({"espeak": Espeak()}, {"kokoro": 1})
    with pytest.raises(ValueError, match="one above 0"):
        Mix({"espeak": Espeak()}, {"espeak": 0})
