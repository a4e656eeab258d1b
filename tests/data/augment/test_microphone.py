import numpy as np
import pytest
import torch
from torchaudio import functional

from speech.data.augment import microphone
from speech.data.augment.microphone import Clipping, Microphone, Telephone, convert, impulse_responses, mu_law
from speech.data.augment.room import Room

RATE = 16_000
STILL = {"ramp": 0, "speed": None, "edge_ms": None, "gain_db": None}
Q = np.sqrt(0.5)


def through(clip, n_clips=1, **steps):
    heard, _ = Room(**STILL | steps).batch([clip] * n_clips, RATE, np.random.default_rng(0), 0)
    return heard


def white(n=4 * RATE):
    return np.random.default_rng(0).normal(scale=0.1, size=n).astype(np.float32)


def response_db(before, after, low_hz, high_hz):
    """Power after over power before within a band."""
    hz = np.fft.rfftfreq(len(before), 1 / RATE)
    power = [
        (np.abs(np.fft.rfft(x.astype(float))[(hz >= low_hz) & (hz < high_hz)]) ** 2).sum() for x in (after, before)
    ]
    return 10 * np.log10(power[0] / power[1])


THEIRS = {  # the same sections as torchaudio runs them, sample by sample
    "high_pass": ((300.0, Q), lambda x: functional.highpass_biquad(x, RATE, 300.0, Q)),
    "low_pass": ((3_400.0, 0.9), lambda x: functional.lowpass_biquad(x, RATE, 3_400.0, 0.9)),
    "peak": ((800.0, 2.0, -6.0), lambda x: functional.equalizer_biquad(x, RATE, 800.0, -6.0, 2.0)),
    # Theirs lifts the treble, ours half of it, and lowers the bass by as much.
    "shelf": ((8.0,), lambda x: 10 ** (-8 / 40) * functional.treble_biquad(x, RATE, 8.0, 1_000.0, Q)),
}


@pytest.mark.parametrize("filter_", THEIRS)
def test_each_filter_answers_a_click_as_torchaudios_does(filter_):
    values, theirs = THEIRS[filter_]
    click = torch.zeros(microphone.N_TAPS, dtype=torch.float64)
    click[0] = 0.1  # torchaudio cuts off what is over 1
    taps = impulse_responses(getattr(microphone, filter_)(*(np.array([value]) for value in values), RATE))
    assert taps[0] == pytest.approx(10 * theirs(click).numpy(), abs=1e-6)


def test_a_microphone_takes_away_what_lies_beyond_its_cuts():
    flat = {"tilt_db": (0, 0), "resonance_db": (0, 0)}
    (heard,) = through(white(), microphone=Microphone(1.0, (300, 300), (3_000, 3_000), **flat))
    assert response_db(white(), heard, 70, 80) == pytest.approx(-24, abs=2), "two octaves below"
    assert response_db(white(), heard, 800, 1_200) == pytest.approx(0, abs=0.3)
    assert response_db(white(), heard, 6_000, 7_000) < -14


def test_a_telephone_passes_its_band_and_hardly_anything_else():
    for heard in through(white(), 8, telephone=Telephone(1.0)):
        assert response_db(white(), heard, 500, 3_000) == pytest.approx(0, abs=0.5)
        assert response_db(white(), heard, 20, 150) < -25
        assert response_db(white(), heard, 3_800, 4_000) < -7
        assert response_db(white(), heard, 4_100, 8_000) < -50


def test_half_of_the_calls_are_in_8_bits():
    calls = through(white(), 40, telephone=Telephone(1.0))
    assert len({call.tobytes() for call in calls}) == 2
    coded = sum(not np.array_equal(call, min(calls, key=lambda c: c.tobytes())) for call in calls)
    assert 8 < coded < 32


@pytest.mark.parametrize("level_db", [-30, -20, -12])
def test_mu_law_keeps_the_same_ratio_at_any_level(level_db):
    """The point of G.711: some 38 dB over the noise of its steps, for loud and for quiet speech."""
    clip = (white() / 0.1 * 10 ** (level_db / 20)).clip(-1, 1)
    assert 35 < 10 * np.log10(np.mean(clip**2) / np.mean((mu_law(clip) - clip) ** 2)) < 41


def test_clipping_limits_the_peak_and_leaves_the_shape():
    clips = np.stack([white()] * 20)
    peak = np.abs(clips[0]).max()
    Clipping(1.0, (6, 6))(clips, np.random.default_rng(0), 1.0)
    limit = peak * 10 ** (-6 / 20)
    assert (np.abs(clips).max(axis=1) <= limit * 1.001).all()
    hard = (np.abs(clips) > 0.999 * limit).mean(axis=1) > 1e-3
    assert 4 < hard.sum() < 16, "half of them flat"
    order = np.argsort(white())
    assert (np.diff(clips[:, order], axis=1) >= 0).all(), "what was higher is not lower now"


def test_the_converter_has_16_bits_and_a_full_scale():
    clip = white()[None]
    quiet, loud = convert(clip, np.array([-20.0])), convert(clip, np.array([20.0]))
    assert quiet[0] == pytest.approx(clip[0] / 10, abs=0.51 / 32768)
    assert np.array_equal(quiet * 32768, np.round(quiet * 32768))
    assert np.abs(loud).max() == 1
