import numpy as np
import pytest

from speech.data.augment.reverb import N_ROOMS, Reverb, rooms

RATE = 16_000


def reverberation_time(response):
    """Schroeder 1965: the line from -5 to -25 dB through the energy that is still to come."""
    level = 10 * np.log10(np.cumsum(response[::-1] ** 2)[::-1] / np.sum(response**2) + 1e-30)
    start, stop = np.searchsorted(-level, [5, 25])
    return -60 / np.polyfit(np.arange(start, stop) / RATE, level[start:stop], 1)[0]


def test_rooms_have_the_reverberation_times_asked_for():
    asked, tails = rooms((0.1, 0.7), RATE)
    found = np.array([reverberation_time(tail.astype(float)) for tail in tails])
    assert np.median(found / asked) == pytest.approx(1, abs=0.05)
    assert np.quantile(np.abs(found / asked - 1), 0.95) < 0.15
    assert asked[[0, -1]].tolist() == [0.1, 0.7]


def test_no_two_rooms_are_similar():
    _, tails = rooms((0.1, 0.7), RATE)
    assert np.abs(tails @ tails.T - np.eye(N_ROOMS)).max() < 0.6


@pytest.mark.parametrize("drr_db", [-3.0, 12.0])
def test_the_direct_sound_stays_and_has_the_ratio_asked_for(drr_db):
    click = np.zeros((5, RATE), np.float32)
    click[:, 100] = 1
    Reverb(1.0, (0.1, 0.7), (drr_db, drr_db))(click, np.full(5, RATE), RATE, np.random.default_rng(0), 1.0)
    assert np.abs(click[:, :100]).max() < 1e-6, "nothing before the click, nor wrapped round from the end"
    assert click[:, 100] == pytest.approx(1, abs=1e-6)
    rest = np.square(click[:, 101:].astype(float)).sum(axis=1)
    assert -10 * np.log10(rest) == pytest.approx(drr_db, abs=0.1)


def test_a_clip_ends_where_it_ended():
    waveforms = np.random.default_rng(0).normal(size=(2, 9_000)).astype(np.float32)
    waveforms[0, 3_000:] = 0
    dry = waveforms.copy()
    Reverb(1.0, (0.1, 0.7), (-3, 15))(waveforms, np.array([3_000, 9_000]), RATE, np.random.default_rng(0), 1.0)
    assert not waveforms[0, 3_000:].any()
    assert (waveforms != dry).any(axis=1).all()
