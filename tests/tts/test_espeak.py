import numpy as np
import pytest

from speech.text import espeak
from speech.text.espeak import ACCENTS, MNEMONICS, PronunciationError, to_mnemonics
from speech.tts.espeak import Espeak
from speech.tts.voice import Voice, VoiceError, require_letters


def test_every_accent_speaks_and_pronounces():
    engine = Espeak()
    for accent in ACCENTS.values():
        waveform, rate = engine.speak("Martin", Voice("espeak", accent, "f2"), np.random.default_rng(1))
        assert 0.2 < len(waveform) / rate < 2
        assert np.abs(waveform).max() > 0.05
    assert espeak.phonemes("Martin", "en-US") != espeak.phonemes("Martin", "en-GB-scotland")


def envelope(waveform, hop=220):
    return np.sqrt((waveform[: len(waveform) // hop * hop].reshape(-1, hop) ** 2).mean(axis=1))


def test_the_same_draw_gives_the_same_manner_and_another_draw_another():
    engine, voice = Espeak(), Voice("espeak", "en-GB", "f2")
    first, again, other = (engine.speak("Mark", voice, np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    assert len(first) == len(again) != len(other)
    assert np.corrcoef(envelope(first), envelope(again))[0, 1] > 0.9


@pytest.mark.parametrize("variant", ["f2", "Reed", "caleb", "m3"])  # phase and flutter, and two that breathe
def test_after_a_restart_the_same_draw_gives_the_same_samples(variant):
    engine, voice = Espeak(), Voice("espeak", "en-GB", variant)

    def say(name):
        return engine.speak(name, voice, np.random.default_rng(1))[0]

    espeak.restart()
    first, then = say("Mark"), say("Mark")
    espeak.restart()
    np.testing.assert_array_equal(say("Mark"), first)
    np.testing.assert_array_equal(say("Mark"), then)
    assert not np.array_equal(then, first)  # it is the restart that does it


def test_a_voice_that_is_not_there_is_an_error_that_names_it():
    with pytest.raises(VoiceError, match=r"en-GB\+nobody"):
        Espeak().speak("Mark", Voice("espeak", "en-GB", "nobody"), np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"voices\.rate"):
        Espeak(rate=(300, 100))


@pytest.mark.parametrize("accent", list(ACCENTS.values()))
def test_ipa_is_said_as_it_is_written_in_the_accents_own_sounds(accent):
    """Vowels are the accent's; what all accents share comes back as it went in."""
    assert espeak.phonemes("/ʃɪˈvɔːn/", accent) == "ʃɪvˈɔːn"
    assert espeak.phonemes("/manˈwɛl/", accent)[-3:] in ("ˈɛl", "ːˈɛl")
    assert espeak.phonemes("Manwel", accent).startswith("mˈ"), "read as English, the stress is on the first"


def test_a_respelling_is_read_as_english_and_ipa_says_what_no_letters_would():
    assert espeak.phonemes("shivawn", "en-GB") == "ʃˈɪvɔːn"
    assert espeak.phonemes("Mateusz", "en-GB") == "mˈatjuːsz", "which is why one gives a pronunciation"
    assert espeak.phonemes("/maˈtɛuʃ/", "en-GB") == "matˈɛuːʃ"


def test_every_symbol_that_is_known_comes_back_as_a_sound():
    for ipa in MNEMONICS:
        if ipa.strip(" .ˈˌ"):
            said = espeak.phonemes(f"/mɑː{ipa}mɑː/", "en-GB")
            assert said != espeak.phonemes("/mɑːmɑː/", "en-GB"), ipa
            assert "(" not in said


def test_speech_from_ipa_is_speech():
    samples, _ = Espeak().speak("/ʃɪˈvɔːn/", Voice("espeak", "en-GB", "max"), np.random.default_rng(0))
    spelt, _ = Espeak().speak("Siobhan", Voice("espeak", "en-GB", "max"), np.random.default_rng(0))
    assert len(samples) == pytest.approx(len(spelt), rel=0.05), "it is said, not read out sign by sign"


def test_an_unknown_symbol_is_named_with_its_place():
    with pytest.raises(PronunciationError, match=r"/maˈteuʂ/: 'ʂ', character 7, is no sound"):
        to_mnemonics("/maˈteuʂ/")


def test_an_engine_that_reads_letters_alone_refuses_ipa_instead_of_reading_it_out():
    voice = Voice("flite", "en-US", "awb")
    assert require_letters("shivawn", voice) == "shivawn"
    with pytest.raises(VoiceError, match=r"flite:en-US.awb reads no IPA, /ʃɪˈvɔːn/: give a respelling"):
        require_letters("/ʃɪˈvɔːn/", voice)


@pytest.mark.parametrize(
    ("text", "ipa"),
    [("Martin", "mˈɑːɹʔn̩"), ("Milton", "mˈɪlʔn̩"), ("button", "bˈʌʔn̩"), ("sentence", "sˈɛnʔn̩s")],
)
def test_americans_stop_a_t_before_n_in_the_throat(text, ipa):
    assert espeak.phonemes(text, "en-US") == ipa


@pytest.mark.parametrize(
    ("text", "accent"), [("Martin", "en-GB"), ("Austin", "en-US"), ("Martina", "en-US"), ("retina", "en-US")]
)
def test_other_accents_and_places_keep_their_t(text, accent):
    ipa = espeak.phonemes(text, accent)
    assert "t" in ipa
    assert "ʔ" not in ipa


def test_what_is_given_as_ipa_keeps_its_t_and_what_is_spoken_is_what_the_phonemes_say():
    assert "t" in espeak.phonemes("/mˈɑːɹtɪn/", "en-US")
    american = Voice("espeak", "en-US", "")

    def length(text):
        return len(Espeak().speak(text, american, np.random.default_rng(0))[0])

    # The phase of the voice carries on from clip to clip, and moves an end by a part of its period.
    assert length("Martin") == pytest.approx(length("/mˈɑːɹʔn̩/"), rel=0.005)
    assert length("Martin") != pytest.approx(length("/mˈɑːɹtɪn/"), rel=0.02)
