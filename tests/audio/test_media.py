"""What phones and browsers record, made here by FFmpeg's encoders: read with PyAV, and without it refused."""

import importlib.util
import sys

import numpy as np
import pytest
import soundfile

from speech.audio import containers, files, streams

# `make test` installs it; another environment may lack it.
needs_av = pytest.mark.skipif(importlib.util.find_spec("av") is None, reason="needs av: pip install '.[media]'")
RATE = 16_000
TONE = (0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE) * np.hanning(RATE)).astype(np.float32)
RECORDED = {  # suffix -> FFmpeg's format and codec, rate, layout, options
    "m4a": ("ipod", "aac", 44_100, "mono", {}),
    "stereo.m4a": ("ipod", "aac", 48_000, "stereo", {"movflags": "+faststart"}),
    "alac.m4a": ("ipod", "alac", 16_000, "mono", {}),
    "mp4": ("mp4", "aac", 16_000, "mono", {}),
    "mov": ("mov", "pcm_s16le", 48_000, "mono", {}),
    "3gp": ("3gp", "aac", 16_000, "mono", {}),
    "aac": ("adts", "aac", 48_000, "mono", {}),
    "webm": ("webm", "libopus", 48_000, "mono", {}),
    "live.webm": ("webm", "libopus", 48_000, "mono", {"live": "1"}),  # as a browser's MediaRecorder: without a length
    "mkv": ("matroska", "pcm_s16le", 16_000, "mono", {}),
    "wma": ("asf", "wmav2", 44_100, "mono", {}),
}


def record(path, kind, codec, rate, layout, options, samples=TONE):
    import av
    import soxr

    n_channels = 2 if layout == "stereo" else 1
    sound = np.tile(soxr.resample(samples, RATE, rate).astype(np.float32), (n_channels, 1))
    with av.open(str(path), "w", format=kind, options=options) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        stream.bit_rate = 64_000
        frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout=layout)
        frame.sample_rate = rate
        to_codec = av.AudioResampler(stream.codec_context.format, layout, rate, stream.codec_context.frame_size or 1024)
        for part in [*to_codec.resample(frame), *to_codec.resample(None), None]:
            container.mux(stream.encode(part))
    return path


@needs_av
@pytest.mark.parametrize("suffix", RECORDED)
def test_what_phones_and_browsers_record_is_read(tmp_path, suffix):
    path = record(tmp_path / f"clip.{suffix}", *RECORDED[suffix])
    for found in (files.read(path, RATE), np.concatenate(list(streams.File(path).blocks(RATE)))):
        assert abs(len(found) - RATE) < 0.15 * RATE
        peaks = np.abs(found).max(), np.abs(np.fft.rfft(found)).argmax() * RATE / len(found)
        assert peaks == pytest.approx((0.3, 440), rel=0.05)


@needs_av
@pytest.mark.parametrize("suffix", ["m4a", "stereo.m4a", "mp4", "webm", "wma", "mkv"])
@pytest.mark.parametrize("rest", [0.1, 0.5, 0.9])
def test_a_cut_one_is_refused(tmp_path, suffix, rest):
    path = record(tmp_path / f"clip.{suffix}", *RECORDED[suffix], samples=np.tile(TONE, 4))
    content = path.read_bytes()
    path.write_bytes(content[: round(rest * len(content))])
    with pytest.raises(files.AudioError, match=rf"clip\.{suffix}: (truncated|damaged|no samples).*: (copy|record) it"):
        files.read(path, RATE)


@needs_av
@pytest.mark.parametrize("suffix", ["live.webm"])
def test_one_of_an_hour_is_refused_when_its_limit_is_passed(tmp_path, suffix, monkeypatch):
    path = record(tmp_path / f"clip.{suffix}", *RECORDED[suffix], samples=np.tile(TONE, 70))
    monkeypatch.setattr(np, "concatenate", lambda *_, **__: pytest.fail("it was put together"))
    with pytest.raises(files.AudioError, match=r"(60|70) s long, over the 60 s allowed for a name: cut it up"):
        files.read(path, RATE)


@needs_av
def test_a_file_in_which_there_is_no_sound_is_refused(tmp_path):
    import av

    with av.open(str(tmp_path / "film.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))
        container.mux([*stream.encode(picture), *stream.encode(None)])
    with pytest.raises(files.AudioError, match=r"film\.mp4: there is no sound in it"):
        files.read(tmp_path / "film.mp4", RATE)


@needs_av
def test_damaged_ones_are_refused_and_print_nothing(tmp_path, capfd):
    rng, n_refused = np.random.default_rng(0), 0
    for suffix in ("m4a", "webm", "aac"):
        content = record(tmp_path / f"clip.{suffix}", *RECORDED[suffix]).read_bytes()
        for _ in range(30):
            damaged = bytearray(content)
            for at in rng.integers(len(damaged), size=20):
                damaged[at] = rng.integers(256)
            (tmp_path / "damaged").write_bytes(damaged)
            try:
                files.read(tmp_path / "damaged", RATE)
            except files.AudioError:
                n_refused += 1
    assert n_refused > 0
    assert capfd.readouterr() == ("", "")


HEADS = {
    "m4a": b"\0\0\0\x20ftypM4A ",
    "webm": b"\x1a\x45\xdf\xa3",
    "aac": b"\xff\xf1\x4c\x80",
    "amr": b"#!AMR\n",
    "wma": bytes.fromhex("3026b2758e66cf11"),
}


@pytest.mark.parametrize("suffix", HEADS)
def test_without_the_package_each_is_named_with_both_ways_out(tmp_path, suffix, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    path = tmp_path / f"my clip.{suffix}"
    path.write_bytes(HEADS[suffix] + bytes(100))
    with pytest.raises(files.AudioError) as told:
        files.read(path, RATE)
    assert str(told.value) == (
        f"{path}: av is not installed: pip install av  (or the whole extra: pip install 'speech-names[media]'); or "
        f"convert it to WAV or FLAC: ffmpeg -i '{path}' '{path.with_suffix('.wav')}'"
    )


def test_the_first_bytes_decide_and_not_the_name(tmp_path):
    soundfile.write(tmp_path / "clip.m4a", TONE, RATE, format="OGG")
    assert len(files.read(tmp_path / "clip.m4a", RATE)) == RATE
    (tmp_path / "playlist.m4a").write_bytes(b"#EXTM3U\nhttp://localhost/a.aac\n")
    with (tmp_path / "playlist.m4a").open("rb") as file:
        assert containers.kind(file) is None
