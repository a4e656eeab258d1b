import numpy as np
import pytest

from speech.data.augment.light import Augment

RATE = 16_000
NOTHING = {"speed": None, "edge_ms": None, "noise_db": None, "hum_db": None}
WHITE = np.random.default_rng(0).normal(size=RATE).astype(np.float32)


def augmented(waveform, **steps):
    return Augment(**NOTHING | steps)(waveform, RATE, np.random.default_rng(0))


@pytest.mark.parametrize("ratio_db", [10.0, 30.0])
@pytest.mark.parametrize("disturbance", ["noise_db", "hum_db"])
def test_a_disturbance_has_the_ratio_asked_for(disturbance, ratio_db):
    changed = augmented(WHITE, **{disturbance: (ratio_db, ratio_db)})
    measured = 10 * np.log10(np.mean(WHITE**2) / np.mean((changed - WHITE) ** 2))
    assert measured == pytest.approx(ratio_db, abs=0.1)


def test_speed_changes_length_and_pitch_together():
    faster = augmented(np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32), speed=(1.25, 1.25))
    assert len(faster) == pytest.approx(RATE / 1.25, abs=2)
    assert np.abs(np.fft.rfft(faster)).argmax() * RATE / len(faster) == pytest.approx(550, abs=2)


def test_without_any_step_a_clip_is_unchanged():
    assert np.array_equal(augmented(WHITE), WHITE)


def test_a_range_that_falls_is_named():
    with pytest.raises(ValueError, match=r"augment\.speed=\[1\.2, 0\.8\] must be two increasing numbers"):
        augmented(WHITE, speed=(1.2, 0.8))
