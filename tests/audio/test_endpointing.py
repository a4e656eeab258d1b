import numpy as np
import pytest

from speech.audio import endpointing
from speech.tts.espeak import Espeak
from speech.tts.voice import Voice


@pytest.fixture(scope="module")
def name():
    return Espeak().speak("Martin", Voice("espeak", "en-GB", "m3"), np.random.default_rng(0))


@pytest.mark.parametrize("hum_hz", [0, 50, 60, 180, 300])
@pytest.mark.parametrize("lead_s", [0.0, 0.4, 2.0])
def test_silence_and_hum_around_a_name_do_not_move_it(name, hum_hz, lead_s):
    waveform, rate = name
    alone = endpointing.find_speech(waveform, rate)
    lead = int(lead_s * rate)
    long = np.concatenate([np.zeros(lead), waveform, np.zeros(rate)])
    long += 0.02 * np.sin(2 * np.pi * hum_hz * np.arange(len(long)) / rate)
    start, stop = endpointing.find_speech(long.astype(np.float32), rate)
    assert start == pytest.approx(lead + alone[0], abs=0.08 * rate)
    assert stop == pytest.approx(lead + alone[1], abs=0.08 * rate)


def test_a_click_is_not_the_name(name):
    waveform, rate = name
    long = np.concatenate([np.zeros(rate), waveform, np.zeros(rate)]).astype(np.float32)
    long[rate // 4 : rate // 4 + 20] = 0.9
    start, _ = endpointing.find_speech(long, rate)
    assert start > 0.8 * rate


@pytest.mark.parametrize("click_ms", [1, 5, 15])
def test_a_click_in_a_quiet_room_is_no_name_either(click_ms):
    room = 0.001 * np.random.default_rng(0).standard_normal(32_000)
    room[16_000 : 16_000 + 16 * click_ms] += 0.5
    with pytest.raises(endpointing.NoSpeechError, match="nothing but clicks"):
        endpointing.find_speech(room.astype(np.float32), 16_000)


def test_a_click_that_is_louder_than_the_name_is_not_taken_for_it(name):
    waveform, rate = name
    long = np.concatenate([np.zeros(rate), waveform, np.zeros(rate)]).astype(np.float32)
    long[rate // 4 : rate // 4 + rate // 200] = 3 * np.abs(waveform).max()
    start, stop = endpointing.find_speech(long, rate)
    assert start > 0.8 * rate
    assert stop - start > 0.3 * rate


@pytest.mark.parametrize("samples", [np.zeros(16_000), np.zeros(0), np.zeros(3)])
def test_silence_holds_no_speech(samples):
    with pytest.raises(endpointing.NoSpeechError, match="no speech found"):
        endpointing.find_speech(samples.astype(np.float32), 16_000)
