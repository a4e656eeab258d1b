import numpy as np
import pytest

from speech.data.augment import Augment

RATE = 16_000
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("ratio_db", [10.0, 30.0])
@pytest.mark.parametrize("disturbance", ["noise_db", "hum_db"])
def test_disturbances_lie_as_far_under_the_speech_as_asked(disturbance, ratio_db):
    off = {"speed": None, "edge_ms": None, "noise_db": None, "hum_db": None}
    waveform = RNG.normal(size=RATE).astype(np.float32)
    changed = Augment(**off | {disturbance: (ratio_db, ratio_db)})(waveform, RATE, np.random.default_rng(0))
    measured = 10 * np.log10(np.mean(waveform**2) / np.mean((changed - waveform) ** 2))
    assert measured == pytest.approx(ratio_db, abs=0.1)


def test_speed_changes_length_and_pitch_together():
    off = {"edge_ms": None, "noise_db": None, "hum_db": None}
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
    faster = Augment(speed=(1.25, 1.25), **off)(tone, RATE, np.random.default_rng(0))
    assert len(faster) == pytest.approx(RATE / 1.25, abs=2)
    assert np.abs(np.fft.rfft(faster)).argmax() * RATE / len(faster) == pytest.approx(550, abs=2)


def test_without_any_step_a_clip_stays_as_it_is():
    waveform = RNG.normal(size=100).astype(np.float32)
    assert np.array_equal(Augment(None, None, None, None)(waveform, RATE, RNG), waveform)
