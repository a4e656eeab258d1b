import io

import numpy as np
import pytest
import soundfile

from speech.audio import files

RATE = 16_000
TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT"])
def test_every_rate_and_width_gives_the_same_waveform(tmp_path, rate, subtype):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    path = tmp_path / "clip.wav"
    soundfile.write(path, np.stack([tone, tone], axis=1), rate, subtype=subtype)
    waveform = files.read(path, RATE)
    assert waveform.dtype == np.float32
    assert len(waveform) == RATE
    middle = slice(RATE // 4, -RATE // 4)  # the resampler's edges ring
    assert np.abs(waveform - TONE)[middle].max() < 0.02


def test_written_clips_read_back(tmp_path):
    files.write(tmp_path / "clip.flac", TONE, RATE)
    assert np.abs(files.read(tmp_path / "clip.flac", RATE) - TONE).max() < 1e-4
    assert [p.name for p in tmp_path.iterdir()] == ["clip.flac"]


def wav():
    encoded = io.BytesIO()
    soundfile.write(encoded, TONE, RATE, format="WAV")
    return encoded.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "the file is empty"), (b"not audio", "not readable"), (wav()[:9_000], "truncated"), (None, "no such file")],
    ids=["empty", "text", "truncated", "missing"],
)
def test_a_file_without_audio_is_refused_by_its_path(tmp_path, content, reason):
    path = tmp_path / "bad.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(files.AudioError, match=rf"bad\.wav: {reason}"):
        files.read(path, RATE)


def test_samples_that_are_not_finite_are_refused_with_their_number():
    with pytest.raises(files.AudioError, match="2 samples are NaN"):
        files.to_waveform([0.1, np.nan, np.inf], RATE, RATE)


def test_integer_samples_are_scaled_by_their_range():
    assert files.to_waveform(np.array([-32768, 16384], np.int16), RATE, RATE).tolist() == [-1.0, 0.5]
    assert files.to_waveform(np.array([0, 128, 192], np.uint8), RATE, RATE).tolist() == [-1.0, 0.0, 0.5]
