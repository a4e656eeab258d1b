import numpy as np
import pytest

from speech.audio.endpointing import NoSpeechError, find_speech, trim_silence
from speech.tts.espeak import Espeak
from speech.tts.voice import Voice


@pytest.fixture(scope="module")
def name():
    return Espeak().speak("Martin", Voice("espeak", "en-GB", "m3"), np.random.default_rng(0))


def within_silence(waveform, rate, lead_s=1.0):
    return np.concatenate([np.zeros(int(lead_s * rate)), waveform, np.zeros(rate)]).astype(np.float32)


@pytest.mark.parametrize("hum_hz", [0, 50, 60, 180, 300])
@pytest.mark.parametrize("lead_s", [0.0, 0.4, 2.0])
def test_silence_and_hum_around_a_name_do_not_move_its_ends(name, hum_hz, lead_s):
    waveform, rate = name
    alone = find_speech(waveform, rate)
    long = within_silence(waveform, rate, lead_s)
    long += 0.02 * np.sin(2 * np.pi * hum_hz * np.arange(len(long)) / rate)
    lead = int(lead_s * rate)
    assert find_speech(long, rate) == pytest.approx((lead + alone[0], lead + alone[1]), abs=0.08 * rate)


def test_a_trimmed_clip_is_the_recording_from_the_time_that_it_says(name):
    waveform, rate = name
    long = within_silence(waveform, rate)
    clip, start_s = trim_silence(long, rate)
    begin = round(start_s * rate)
    assert begin > 0.8 * rate
    np.testing.assert_array_equal(clip, long[begin : begin + len(clip)])


@pytest.mark.parametrize(("n_samples", "peak"), [(20, 0.9), (110, 3.0)])
def test_a_click_is_not_the_name_however_loud(name, n_samples, peak):
    waveform, rate = name
    long = within_silence(waveform, rate)
    long[rate // 4 : rate // 4 + n_samples] = peak * np.abs(waveform).max()
    start, stop = find_speech(long, rate)
    assert start > 0.8 * rate
    assert stop - start > 0.3 * rate


@pytest.mark.parametrize("click_ms", [1, 5, 15])
def test_a_click_in_a_quiet_room_is_no_name(click_ms):
    room = 0.001 * np.random.default_rng(0).standard_normal(32_000)
    room[16_000 : 16_000 + 16 * click_ms] += 0.5
    with pytest.raises(NoSpeechError, match="nothing but clicks"):
        find_speech(room.astype(np.float32), 16_000)


@pytest.mark.parametrize("n_samples", [16_000, 3, 0])
def test_silence_has_no_speech(n_samples):
    with pytest.raises(NoSpeechError, match="no speech found"):
        find_speech(np.zeros(n_samples, np.float32), 16_000)
