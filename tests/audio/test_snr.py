import numpy as np
import pytest
from spoken import speak

from speech.audio import endpointing, files
from speech.audio.snr import estimate_snr_db


@pytest.fixture(scope="module")
def names():
    """Three names, end-pointed, without margins."""
    found = []
    for name in ("Martin", "Ben", "Elizabeth"):
        samples, rate = speak(name, accent="en-GB")
        waveform = files.to_waveform(samples, rate, 16_000)
        start, stop = endpointing.find_speech(waveform, 16_000)
        found.append(waveform[start:stop])
    return found


@pytest.mark.parametrize(("snr_db", "within"), [(5, 4), (10, 3), (20, 1.5), (30, 1.5)])
@pytest.mark.parametrize("colour", [0, 0.5])
def test_noise_added_at_a_known_ratio_is_estimated(names, snr_db, within, colour):
    rng = np.random.default_rng(0)
    for speech in names:
        padded = np.pad(speech, 4800)
        noise = rng.normal(size=len(padded))
        frequency = np.maximum(np.fft.rfftfreq(len(noise)), 0.005)
        noise = np.fft.irfft(np.fft.rfft(noise) / frequency**colour, len(noise))  # 0 white, 0.5 pink
        noise *= np.sqrt((speech**2).mean() / (noise**2).mean() / 10 ** (snr_db / 10))
        recorded, _ = endpointing.trim_silence((padded + noise).astype(np.float32) / 4, 16_000)
        assert estimate_snr_db(recorded, 16_000) == pytest.approx(snr_db, abs=within)


def test_a_clip_that_does_not_show_its_background_has_no_ratio(names):
    """Its soft sounds are no noise."""
    trimmed, _ = endpointing.trim_silence(names[0], 16_000)
    for clip in (trimmed, np.zeros(8000, np.float32), np.ones(10, np.float32)):
        assert estimate_snr_db(clip, 16_000) is None
