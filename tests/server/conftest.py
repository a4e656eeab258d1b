"""One recogniser, the one that ships."""

import numpy as np
import pytest
import soxr

from speech import Runtime
from speech.audio import files
from speech.server.limits import Limits
from speech.server.recognition import Recognition


@pytest.fixture(scope="session")
def runtime():
    return Runtime.load()


@pytest.fixture(scope="session")
def recognition(runtime):
    return Recognition(runtime, ["one", "two"], Limits(n_bytes=200_000, n_event_bytes=100_000, patience_s=20.0))


@pytest.fixture(scope="session")
def strict(runtime):
    """Little of everything."""
    return Recognition(runtime, None, Limits(n_bytes=50_000, n_event_bytes=50_000, n_clients=2, patience_s=0.2))


@pytest.fixture(scope="session")
def said(recordings):
    """``said("one")``: a name at 16 kHz between two silences, and its PCM at any rate and with any channels."""

    def of(name, rate=16_000, channels=1):
        waveform = np.pad(files.read(recordings / name / "f1_0.wav", 16_000), (8_000, 16_000))
        if rate != 16_000:
            waveform = soxr.resample(waveform, 16_000, rate)
        samples = (waveform * 32_767).round().astype("<i2")
        return np.repeat(samples, channels).tobytes()

    return of
