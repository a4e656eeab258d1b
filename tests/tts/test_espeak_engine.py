import numpy as np
import pytest

from speech.text import espeak
from speech.text.espeak import ACCENTS
from speech.tts.espeak import Espeak
from speech.tts.voice import Voice, VoiceError, require_letters


def speak(text, voice, seed=0):
    return Espeak().speak(text, voice, np.random.default_rng(seed))[0]


@pytest.mark.parametrize("accent", ACCENTS.values())
def test_every_accent_speaks(accent):
    waveform, rate = Espeak().speak("Martin", Voice("espeak", accent, "f2"), np.random.default_rng(1))
    assert 0.2 < len(waveform) / rate < 2
    assert np.abs(waveform).max() > 0.05


def envelope(waveform, hop=220):
    return np.sqrt((waveform[: len(waveform) // hop * hop].reshape(-1, hop) ** 2).mean(axis=1))


def test_the_same_draw_gives_the_same_pace_and_another_draw_another():
    voice = Voice("espeak", "en-GB", "f2")
    first, again, other = (speak("Mark", voice, seed) for seed in (1, 1, 2))
    assert len(first) == len(again) != len(other)
    assert np.corrcoef(envelope(first), envelope(again))[0, 1] > 0.9


@pytest.mark.parametrize("variant", ["f2", "Reed", "caleb", "m3"])  # phase and flutter, and two with breath
def test_after_a_restart_the_same_draw_gives_the_same_samples(variant):
    voice = Voice("espeak", "en-GB", variant)
    espeak.restart()
    first, second = speak("Mark", voice), speak("Mark", voice)
    espeak.restart()
    np.testing.assert_array_equal(speak("Mark", voice), first)
    np.testing.assert_array_equal(speak("Mark", voice), second)
    assert not np.array_equal(second, first), "without the restart they differ"


def test_a_voice_that_does_not_exist_is_named():
    with pytest.raises(VoiceError, match=r"en-GB\+nobody"):
        speak("Mark", Voice("espeak", "en-GB", "nobody"))


@pytest.mark.parametrize(
    ("key", "value"), [("rate", (300, 100)), ("pitch", (0, 100)), ("formant_shift", (-1, 0)), ("pitch_range", (20,))]
)
def test_a_range_that_falls_or_is_out_of_bounds_is_named(key, value):
    with pytest.raises(ValueError, match=rf"voices\.{key}=\[.* must be two increasing numbers within"):
        Espeak(**{key: value})


def test_ipa_is_spoken_and_not_spelt_out():
    voice = Voice("espeak", "en-GB", "max")
    assert len(speak("/ʃɪˈvɔːn/", voice)) == pytest.approx(len(speak("Siobhan", voice)), rel=0.05)


def test_speech_has_the_glottal_stop_of_the_phonemes():
    voice = Voice("espeak", "en-US", "")
    # The phase of the voice continues from clip to clip, and moves an end by a part of its period.
    assert len(speak("Martin", voice)) == pytest.approx(len(speak("/mˈɑːɹʔn̩/", voice)), rel=0.005)
    assert len(speak("Martin", voice)) != pytest.approx(len(speak("/mˈɑːɹtɪn/", voice)), rel=0.02)


def test_a_text_without_a_sound_is_refused():
    with pytest.raises(VoiceError, match="gives no sound for '/ˈ/'"):
        speak("/ˈ/", Voice("espeak", "en-US", ""))


def test_an_engine_of_letters_refuses_ipa():
    voice = Voice("flite", "en-US", "awb")
    assert require_letters("shivawn", voice) == "shivawn"
    with pytest.raises(VoiceError, match=r"flite:en-US.awb cannot read IPA, /ʃɪˈvɔːn/: give a respelling"):
        require_letters("/ʃɪˈvɔːn/", voice)
