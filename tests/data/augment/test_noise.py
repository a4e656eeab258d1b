import numpy as np
import pytest
from rooms import augmented, make_room

from speech.data.augment.noise import N_COLOURS, Babble, Hum, Noise, noise_bank

RATE = 16_000
LENGTHS = [9_000, 12_000, 14_500, 16_000]
TONES_HZ = [500, 900, 1_300, 1_700]
SOURCES = {"noise": Noise, "babble": Babble, "hum": Hum}
CLIPS = [  # each a tone of its own
    (0.3 * np.sin(2 * np.pi * hz * np.arange(n) / RATE)).astype(np.float32)
    for n, hz in zip(LENGTHS, TONES_HZ, strict=True)
]


def disturbances(clips, seed=0, **sources):
    return [after - before for before, after in zip(clips, augmented(make_room(**sources), clips, seed), strict=True)]


def snrs_db(clips, found):
    return [10 * np.log10(np.mean(clip**2) / np.mean(one**2)) for clip, one in zip(clips, found, strict=True)]


@pytest.mark.parametrize("asked", [0.0, 15.0])
@pytest.mark.parametrize("source", SOURCES)
def test_every_source_has_the_signal_to_noise_ratio_asked_for(source, asked):
    found = disturbances(CLIPS, **{source: SOURCES[source](1.0, (asked, asked))})
    assert snrs_db(CLIPS, found) == pytest.approx([asked] * 4, abs=0.1)


def test_sources_do_not_count_one_another_as_speech():
    found = disturbances(CLIPS, **{name: make(1.0, (0.0, 0.0)) for name, make in SOURCES.items()})
    # Three independent sources, each as loud as the speech.
    assert snrs_db(CLIPS, found) == pytest.approx([-10 * np.log10(3)] * 4, abs=0.5)


def test_the_ratio_is_drawn_from_the_whole_range():
    ratios = snrs_db(CLIPS * 16, disturbances(CLIPS * 16, noise=Noise(1.0, (5.0, 25.0))))
    assert 5 <= min(ratios) < 8
    assert 22 < max(ratios) <= 25


@pytest.mark.parametrize("seed", range(5))
def test_babble_is_of_the_other_clips_and_never_of_the_clip_itself(seed):
    for clip, babble in enumerate(disturbances(CLIPS, seed, babble=Babble(1.0, (0.0, 0.0)))):
        spectrum = np.abs(np.fft.rfft(babble * np.hanning(len(babble)))) ** 2
        hz = np.fft.rfftfreq(len(babble), 1 / RATE)
        proportions = [spectrum[np.abs(hz - tone) < 100].sum() / spectrum.sum() for tone in TONES_HZ]
        assert proportions[clip] < 0.05
        assert sum(proportions) > 0.9


def test_a_clip_alone_in_its_batch_gets_no_babble():
    assert not disturbances(CLIPS[:1], babble=Babble(1.0, (0.0, 0.0)))[0].any()


def test_hum_is_of_the_mains():
    (hum,) = disturbances(CLIPS[:1], hum=Hum(1.0, (0.0, 0.0)))
    spectrum = np.abs(np.fft.rfft(np.resize(hum[:8_000], RATE)))
    loud = np.flatnonzero(spectrum > 0.01 * spectrum.max())
    assert (loud % 50 == 0).all() or (loud % 60 == 0).all()


def test_the_slope_of_noise_goes_from_white_to_brown():
    power = np.abs(np.fft.rfft(noise_bank().astype(float))) ** 2
    hz = np.arange(power.shape[1]) * RATE / noise_bank().shape[1]
    octaves = [power[:, (hz >= low) & (hz < 2 * low)].mean(axis=1) for low in (250, 500, 1_000, 2_000, 4_000)]
    slope = np.polyfit(range(5), 10 * np.log10(octaves), 1)[0]
    assert slope == pytest.approx(-np.linspace(0, 20 * np.log10(2), N_COLOURS), abs=0.2)
