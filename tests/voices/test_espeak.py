import numpy as np
import pytest

from speech.voices.espeak import ACCENTS, Espeak
from speech.voices.voice import Voice, VoiceError


def test_every_accent_speaks_and_pronounces():
    engine = Espeak()
    for accent in ACCENTS.values():
        waveform, rate = engine.speak("Martin", Voice("espeak", accent, "f2"), np.random.default_rng(1))
        assert 0.2 < len(waveform) / rate < 2
        assert np.abs(waveform).max() > 0.05
    assert engine.phonemes("Martin", "en-US") != engine.phonemes("Martin", "en-GB-scotland")


def envelope(waveform, hop=220):
    return np.sqrt((waveform[: len(waveform) // hop * hop].reshape(-1, hop) ** 2).mean(axis=1))


def test_the_same_draw_gives_the_same_manner_and_another_draw_another():
    engine, voice = Espeak(), Voice("espeak", "en-GB", "f2")
    first, again, other = (engine.speak("Mark", voice, np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    assert len(first) == len(again) != len(other)
    assert np.corrcoef(envelope(first), envelope(again))[0, 1] > 0.9


def test_a_voice_that_is_not_there_is_an_error_that_names_it():
    with pytest.raises(VoiceError, match=r"en-GB\+nobody"):
        Espeak().speak("Mark", Voice("espeak", "en-GB", "nobody"), np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"voices\.rate"):
        Espeak(rate=(300, 100))
