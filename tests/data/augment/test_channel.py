import numpy as np
import pytest
import torch
from rooms import augmented, make_room
from torchaudio import functional

from speech.data.augment import filters
from speech.data.augment.channel import Clipping, convert
from speech.data.augment.filters import N_TAPS, impulse_responses
from speech.data.augment.microphone import Microphone
from speech.data.augment.telephone import Telephone, mu_law

RATE = 16_000
Q = np.sqrt(0.5)
WHITE = np.random.default_rng(0).normal(scale=0.1, size=4 * RATE).astype(np.float32)


def response_db(after, low_hz, high_hz):
    """Power after over power before within a band, of WHITE."""
    hz = np.fft.rfftfreq(len(WHITE), 1 / RATE)
    band = (hz >= low_hz) & (hz < high_hz)
    power = [(np.abs(np.fft.rfft(x.astype(float))[band]) ** 2).sum() for x in (after, WHITE)]
    return 10 * np.log10(power[0] / power[1])


THEIRS = {  # the same sections by torchaudio, sample by sample
    "high_pass": ((300.0, Q), lambda x: functional.highpass_biquad(x, RATE, 300.0, Q)),
    "low_pass": ((3_400.0, 0.9), lambda x: functional.lowpass_biquad(x, RATE, 3_400.0, 0.9)),
    "peak": ((800.0, 2.0, -6.0), lambda x: functional.equalizer_biquad(x, RATE, 800.0, -6.0, 2.0)),
    # Theirs lifts the treble, ours half of it, and lowers the bass by as much.
    "shelf": ((1_000.0, 8.0), lambda x: 10 ** (-8 / 40) * functional.treble_biquad(x, RATE, 8.0, 1_000.0, Q)),
}


@pytest.mark.parametrize("section", THEIRS)
def test_each_filter_has_the_impulse_response_of_torchaudios(section):
    values, theirs = THEIRS[section]
    click = torch.zeros(N_TAPS, dtype=torch.float64)
    click[0] = 0.1  # torchaudio clips at 1
    taps = impulse_responses(getattr(filters, section)(*(np.array([value]) for value in values), RATE))
    assert taps[0] == pytest.approx(10 * theirs(click).numpy(), abs=1e-6)


def test_a_microphone_cuts_below_and_above_its_band():
    microphone = Microphone(1.0, (300, 300), (3_000, 3_000), tilt_db=(0, 0), resonance_db=(0, 0))
    (recorded,) = augmented(make_room(microphone=microphone), [WHITE])
    assert response_db(recorded, 70, 80) == pytest.approx(-24, abs=2), "two octaves below"
    assert response_db(recorded, 800, 1_200) == pytest.approx(0, abs=0.3)
    assert response_db(recorded, 6_000, 7_000) < -14


def test_a_telephone_passes_its_band_and_hardly_anything_else():
    for sent in augmented(make_room(telephone=Telephone(1.0)), [WHITE] * 8):
        assert response_db(sent, 500, 3_000) == pytest.approx(0, abs=0.5)
        assert response_db(sent, 20, 150) < -25
        assert response_db(sent, 3_800, 4_000) < -7
        assert response_db(sent, 4_100, 8_000) < -50


def test_half_of_the_calls_are_in_8_bits():
    calls = [call.tobytes() for call in augmented(make_room(telephone=Telephone(1.0)), [WHITE[:RATE]] * 40)]
    assert len(set(calls)) == 2
    assert 8 < calls.count(calls[0]) < 32


@pytest.mark.parametrize("level_db", [-30, -20, -12])
def test_mu_law_has_the_same_signal_to_noise_ratio_at_any_level(level_db):
    """The point of G.711: some 38 dB."""
    clip = (WHITE / 0.1 * 10 ** (level_db / 20)).clip(-1, 1)
    assert 35 < 10 * np.log10(np.mean(clip**2) / np.mean((mu_law(clip) - clip) ** 2)) < 41


def test_clipping_limits_the_peak_and_keeps_the_order_of_samples():
    clips = np.stack([WHITE] * 20)
    limit = np.abs(WHITE).max() * 10 ** (-6 / 20)
    Clipping(1.0, (6, 6))(clips, np.random.default_rng(0), 1.0)
    assert (np.abs(clips).max(axis=1) <= limit * 1.001).all()
    hard = (np.abs(clips) > 0.999 * limit).mean(axis=1) > 1e-3
    assert 4 < hard.sum() < 16, "half of them flat"
    assert (np.diff(clips[:, np.argsort(WHITE)], axis=1) >= 0).all()


def test_the_converter_has_16_bits_and_a_full_scale():
    quiet, loud = (convert(WHITE[None], np.array([gain_db])) for gain_db in (-20.0, 20.0))
    assert quiet[0] == pytest.approx(WHITE / 10, abs=0.51 / 32768)
    assert np.array_equal(quiet * 32768, np.round(quiet * 32768))
    assert np.abs(loud).max() == 1
