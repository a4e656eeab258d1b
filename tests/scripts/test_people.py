"""scripts/benchmark_people.py: its lists keep to their rules, and recordings are degraded as it says."""

import benchmark_people as bench
import numpy as np
import pytest
from benchlib import degrade
from benchlib.people import Recording, evaluate, read_lists
from spoken import speak

from speech.audio import endpointing, files
from speech.text.lexicon import dictionary
from speech.text.word_lists import common_names

LISTS = read_lists()
RATE = 16_000


@pytest.fixture(scope="module")
def recording():
    samples, rate = speak("Martin", accent="en-GB")
    return np.pad(files.to_waveform(samples, rate, RATE), (6_000, 9_000))


def test_the_lists_are_those_that_their_rules_give():
    commands, others = LISTS.words[:10], [*LISTS.words[10:], *LISTS.other_words]
    assert sorted(others) == others, "the first ten others by the alphabet, then the rest"
    assert len({*commands, *others}) == 33
    assert set(LISTS.names[2:]) <= set(common_names()[:200])
    assert len(set(LISTS.names)) == 20


def test_a_drawn_list_holds_no_training_text_and_no_homophone():
    trained_on = {"ann", "sara lee", "write"}
    lists = bench.draw_lists(trained_on, 3, 20, 300, seed=0)
    assert lists == bench.draw_lists(trained_on, 3, 20, 300, seed=0) != bench.draw_lists(trained_on, 3, 20, 300, seed=1)
    taken = {phones for word in ("ann", "sara", "lee", "write") for phones in dictionary()[word]}
    for names in lists:
        assert len(set(names)) == 20
        assert "anne" not in names
        sounds = [phones for name in names for phones in set(dictionary()[name])]
        assert len(sounds) == len(set(sounds))
        assert taken.isdisjoint(sounds)
    with pytest.raises(ValueError, match="20 are needed"):
        bench.draw_lists(set(common_names()), 1, 20, 300, seed=0)


@pytest.mark.parametrize("snr_db", [0, 10])
def test_noise_lies_as_far_under_the_speech_as_it_is_told(recording, snr_db):
    rng = np.random.default_rng(0)
    start, stop = endpointing.find_speech(recording, RATE)
    others = [recording[start:stop], recording[start : start + 3_000]]
    for noise in (degrade.pink(len(recording), rng), degrade.babble(len(recording), others, rng)):
        added = degrade.with_noise(recording, noise, snr_db) - recording
        power = [np.mean(one**2) for one in (recording[start:stop], added)]
        assert 10 * np.log10(power[0] / power[1]) == pytest.approx(snr_db, abs=0.01)
        assert np.abs(added[:1_000]).max() > 0, "over the silence, too"


def test_pink_noise_has_the_same_power_in_every_octave():
    power = np.abs(np.fft.rfft(degrade.pink(64_000, np.random.default_rng(0)))) ** 2  # a bin is 0.25 Hz
    octaves = [power[4 * low : 8 * low].sum() for low in (125, 500, 2_000)]
    assert np.allclose(octaves, octaves[0], rtol=0.15)


@pytest.mark.parametrize("hz", [60, 150, 500, 1_000, 3_000, 5_000, 7_000])
def test_a_telephone_lets_through_300_to_3400_hz(hz):
    tone = np.sin(2 * np.pi * hz * np.arange(RATE) / RATE).astype(np.float32)
    gain_db = 20 * np.log10(np.sqrt(2 * np.mean(degrade.telephone(tone)[2_000:-2_000] ** 2)) + 1e-9)
    assert abs(gain_db) < 1 if 500 <= hz <= 3_000 else gain_db < -20


def test_a_recording_without_speech_is_wrong(make_recognizer, recording):
    waveforms = [recording, np.zeros(RATE, np.float32)]
    some = [Recording("martin", "ann", lambda waveform=waveform: waveform) for waveform in waveforms]
    evaluated = evaluate(make_recognizer(names=()), some)
    assert [frames is not None for frames in evaluated.frames] == [True, False]
    assert evaluated.closed_set(["martin"]).tolist() == [True, False]
