import numpy as np
import pytest
import soxr
from hypothesis import example, given, settings
from hypothesis import strategies as st
from spoken import speak

from speech.audio.endpointing import MARGIN_S, WINDOW_S, Endpointer, NoSpeechError, find_speech, trim_silence


@pytest.fixture(scope="module")
def name():
    return speak("Martin", accent="en-GB")


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


NOISES = {
    "white": lambda rng, n: rng.standard_normal(n),
    "pink": lambda rng, n: np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) / np.sqrt(np.arange(1, n // 2 + 2)), n),
    "hum": lambda rng, n: np.sin(2 * np.pi * 250 * np.arange(n) / 16_000) + 0.1 * rng.standard_normal(n),
}


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize(("falls_db", "from_s", "to_s"), [(6, 4, 4), (12, 4, 4), (30, 4, 4), (30, 1, 1.5), (30, 1, 3)])
def test_a_steady_noise_that_ends_is_no_name_and_hides_none(name, kind, falls_db, from_s, to_s):
    """A fan that is switched off, or that runs down: then it is no longer background."""
    noise = NOISES[kind](np.random.default_rng(0), 16_000 * 6)
    fallen_db = np.interp(np.arange(len(noise)) / 16_000, [from_s, to_s + 1e-4], [0, falls_db])
    noise *= 0.003 / noise.std() * 10 ** (-fallen_db / 20)
    with pytest.raises(NoSpeechError, match="steady noise"):
        find_speech(noise.astype(np.float32), 16_000)
    spoken = soxr.resample(name[0].astype(np.float32), name[1], 16_000)
    both = np.concatenate([noise, spoken / np.abs(spoken).max() * 0.3 + noise[-len(spoken) :]])
    start, _ = find_speech(both.astype(np.float32), 16_000)
    assert start == pytest.approx(len(noise), abs=0.15 * 16_000)


@pytest.mark.parametrize("n_samples", [16_000, 3, 0])
def test_silence_has_no_speech(n_samples):
    with pytest.raises(NoSpeechError, match="no speech found"):
        find_speech(np.zeros(n_samples, np.float32), 16_000)


def in_blocks(waveform, rate, cuts, pause_s=None):
    endpointer = Endpointer(rate, pause_s)
    found = [segment for block in np.split(waveform, cuts) for segment in endpointer.feed(block)]
    return found + endpointer.finish()


def several_names(name, seed):
    """Ten seconds or so: the name at random levels and pauses, in a room with a little noise."""
    (waveform, rate), rng = name, np.random.default_rng(seed)
    parts = []
    for _ in range(4):
        parts += [np.zeros(int(rng.uniform(0, 2.5) * rate)), rng.uniform(0.05, 1) * waveform]
    long = np.concatenate([*parts, np.zeros(int(rng.uniform(0, 1.5) * rate))])
    return (long + 10 ** rng.uniform(-5, -2) * rng.standard_normal(len(long))).astype(np.float32), rate


CUTS = st.lists(st.integers(0, 200_000), max_size=30) | st.integers(1, 60_000).map(lambda n: range(n, 250_000, n))


@given(st.integers(0, 9), CUTS, st.sampled_from([None, 0.1]))
@example(0, range(40_000), None)  # single samples
@settings(max_examples=16, deadline=None)
def test_any_blocks_give_the_segments_of_the_whole(name, seed, cuts, pause_s):
    long, rate = several_names(name, seed)
    whole, parts = (in_blocks(long, rate, some, pause_s) for some in ([], sorted(cuts)))
    assert len(whole) == len(parts) >= 1
    for one, other in zip(whole, parts, strict=True):
        assert (one.start, one.stop, one.parts, one.over) == (other.start, other.stop, other.parts, other.over)
        np.testing.assert_array_equal(one.waveform, other.waveform)


def test_each_name_of_a_stream_is_a_segment(name):
    waveform, rate = name
    stream = np.concatenate([within_silence(waveform, rate)] * 40)
    segments = in_blocks(stream, rate, range(0, len(stream), 1_000))
    assert len(segments) == 40
    period = len(stream) // 40
    assert [s.start // period for s in segments] == list(range(40))
    np.testing.assert_allclose(np.diff([s.start for s in segments]), period, atol=0.05 * rate)


@pytest.mark.parametrize("lead_s", [0.0, 2.0])
def test_possible_speech_is_known_at_once_until_the_segment_is_over(name, lead_s):
    waveform, rate = name
    long = within_silence(waveform, rate, lead_s)
    long += (1e-3 * np.random.default_rng(0).standard_normal(len(long))).astype(np.float32)
    endpointer, begins = Endpointer(rate, 0.1), lead_s * rate
    for block in np.split(long, range(rate // 50, len(long), rate // 50)):
        is_over = any(segment.over for segment in endpointer.feed(block))
        fed = endpointer.n_samples
        if begins + 0.3 * rate < fed < begins + len(waveform) + 0.7 * rate and not is_over:
            start, stop = endpointer.sounding
            assert start == pytest.approx(begins, abs=0.1 * rate)
            assert stop == pytest.approx(min(fed, begins + len(waveform)), abs=0.25 * rate)
        elif fed < begins or is_over:
            assert endpointer.sounding is None


def test_a_steady_noise_is_no_speech_however_long():
    endpointer, rng = Endpointer(16_000), np.random.default_rng(0)
    noise = (0.01 * rng.standard_normal((60, 16_000))).astype(np.float32)
    assert [segment for block in noise for segment in endpointer.feed(block)] + endpointer.finish() == []


def test_speech_without_a_pause_is_cut_and_little_is_held(name):
    waveform, rate = name
    endpointer = Endpointer(rate)
    segments, held = [], []
    for _ in range(60):
        segments += endpointer.feed(waveform)
        held.append(endpointer._audio.nbytes + endpointer._band.nbytes + sum(b.nbytes for b in endpointer._pending))
    assert max(len(s.waveform) for s in segments) <= (WINDOW_S + 2 * MARGIN_S + 0.3) * rate
    assert max(held[30:]) <= 1.1 * max(held[10:30])
    covered = sum(s.stop - s.start for s in segments)
    assert covered > 0.7 * (segments[-1].stop - segments[0].start)


def test_babble_does_not_stretch_a_name_to_the_whole_recording(name):
    waveform, rate = name
    rng = np.random.default_rng(0)
    voices = [speak(t, accent="en-GB", draw=i)[0] for i, t in enumerate(("Olivia", "Gregory", "Annabel"))]
    long = within_silence(waveform, rate)
    babble = sum(
        np.resize(np.roll(v, rng.integers(len(v))), len(long)) / np.sqrt(np.mean(np.square(v))) for v in voices
    )
    speech = np.sqrt(np.mean(np.square(waveform)))
    start, stop = find_speech((long + 0.18 * speech * babble).astype(np.float32), rate)
    assert start > 0.6 * rate
    assert stop < rate + len(waveform) + 0.4 * rate


def test_a_short_pause_gives_what_was_said_so_far_and_ends_nothing(name):
    waveform, rate = name
    pause = np.zeros(rate // 2, np.float32)
    twice = within_silence(np.concatenate([waveform, pause, waveform]), rate)
    segments = in_blocks(twice, rate, range(100, len(twice), 100), pause_s=0.1)
    assert [segment.over for segment in segments] == [False, False, True]
    first, second, whole = segments
    assert len(whole.parts) == len(second.parts) == 2 * len(first.parts) == 2
    ends = [first.start, first.stop, second.parts[1][0], second.stop]
    assert np.ravel(whole.parts) == pytest.approx(ends, abs=0.1 * rate)
    assert [s[:2] for s in in_blocks(twice, rate, [])] == [(whole.start, whole.stop)]
