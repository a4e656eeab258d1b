import numpy as np
import pytest

from speech.data.augment.noise import N_COLOURS, Babble, Hum, Noise, noise_bank
from speech.data.augment.room import Room

RATE = 16_000
LENGTHS = [9_000, 12_000, 14_500, 16_000]
TONES_HZ = [500, 900, 1_300, 1_700]
SOURCES = {"noise": Noise, "babble": Babble, "hum": Hum}
STILL = {"ramp": 0, "speed": None, "edge_ms": None, "gain_db": None}


def tones():
    """Four clips, each a tone of its own."""
    pairs = zip(LENGTHS, TONES_HZ, strict=True)
    return [(0.3 * np.sin(2 * np.pi * hz * np.arange(n) / RATE)).astype(np.float32) for n, hz in pairs]


def disturbances(clips, seed=0, **sources):
    heard, _ = Room(**STILL, **sources).batch(clips, RATE, np.random.default_rng(seed), 0)
    return [after - before for before, after in zip(clips, heard, strict=True)]


def snr_db(clip, disturbance):
    return 10 * np.log10(np.mean(clip**2) / np.mean(disturbance**2))


@pytest.mark.parametrize("asked", [0.0, 15.0])
@pytest.mark.parametrize("source", SOURCES)
def test_every_source_lies_as_far_under_the_speech_as_asked(source, asked):
    clips = tones()
    found = disturbances(clips, **{source: SOURCES[source](1.0, (asked, asked))})
    assert [snr_db(*pair) for pair in zip(clips, found, strict=True)] == pytest.approx([asked] * 4, abs=0.1)


def test_sources_do_not_count_one_another_as_speech():
    clips = tones()
    three = {name: make(1.0, (0.0, 0.0)) for name, make in SOURCES.items()}
    found = disturbances(clips, **three)
    # Three that are independent, each as loud as the speech.
    expected = [-10 * np.log10(3)] * 4
    assert [snr_db(*pair) for pair in zip(clips, found, strict=True)] == pytest.approx(expected, abs=0.5)


def test_the_ratio_is_drawn_from_the_whole_range():
    clips = tones() * 16
    found = disturbances(clips, noise=Noise(1.0, (5.0, 25.0)))
    ratios = [snr_db(*pair) for pair in zip(clips, found, strict=True)]
    assert 5 <= min(ratios) < 8
    assert 22 < max(ratios) <= 25


def test_babble_is_of_the_other_clips_and_never_of_the_clip_itself():
    clips = tones()
    for seed in range(5):
        found = disturbances(clips, seed, babble=Babble(1.0, (0.0, 0.0)))
        for clip, babble in enumerate(found):
            spectrum = np.abs(np.fft.rfft(babble * np.hanning(len(babble)))) ** 2
            hz = np.fft.rfftfreq(len(babble), 1 / RATE)
            shares = [spectrum[np.abs(hz - tone) < 100].sum() / spectrum.sum() for tone in TONES_HZ]
            assert shares[clip] < 0.05
            assert sum(shares) > 0.9


def test_a_clip_alone_in_its_batch_hears_no_babble():
    (clip, *_) = tones()
    assert not disturbances([clip], babble=Babble(1.0, (0.0, 0.0)))[0].any()


def test_hum_is_of_the_mains():
    (clip, *_) = tones()
    spectrum = np.abs(np.fft.rfft(np.resize(disturbances([clip], hum=Hum(1.0, (0.0, 0.0)))[0][:8_000], RATE)))
    loud = np.flatnonzero(spectrum > 0.01 * spectrum.max())
    assert (loud % 50 == 0).all() or (loud % 60 == 0).all()


def test_noise_goes_from_white_to_brown():
    power = np.abs(np.fft.rfft(noise_bank().astype(float))) ** 2
    hz = np.arange(power.shape[1]) * RATE / noise_bank().shape[1]
    octaves = [power[:, (hz >= low) & (hz < 2 * low)].mean(axis=1) for low in (250, 500, 1_000, 2_000, 4_000)]
    slope = np.polyfit(range(5), 10 * np.log10(octaves), 1)[0]
    assert slope == pytest.approx(-np.linspace(0, 20 * np.log10(2), N_COLOURS), abs=0.2)
