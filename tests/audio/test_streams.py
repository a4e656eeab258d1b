import io
import os
import struct
import sys
import threading
import time
import types

import numpy as np
import pytest
import soundfile

from speech.audio.files import AudioError, open_file
from speech.audio.streams import Fault, File, Microphone, Mono, Pipe, open_source


class Chunks:
    """A pipe that gives at most ``n`` bytes at once."""

    def __init__(self, data, n):
        self._data, self._n = io.BytesIO(data), n

    def read(self, n):
        return self._data.read(min(n, self._n))


@pytest.fixture(scope="module")
def sound():
    return (0.15 * np.random.default_rng(0).standard_normal(20_000)).astype(np.float32)


def pcm(samples, dtype="int16"):
    return (samples * 32_767).round().astype("<i2").tobytes() if dtype == "int16" else samples.astype("<f4").tobytes()


def whole(source, rate=16_000):
    return np.concatenate(list(source.blocks(rate)))


@pytest.mark.parametrize("n", [1, 3, 318, 642, 65_537])
def test_chunks_of_any_number_of_bytes_are_the_same_sound(sound, n):
    stereo = np.stack([sound, 0.5 * sound], 1)
    first, other = (whole(Pipe(Chunks(pcm(stereo), k), 44_100, 2, "int16")) for k in (10**9, n))
    np.testing.assert_array_equal(first, other)
    assert len(first) == pytest.approx(20_000 * 16 / 44.1, abs=2)


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_raw_samples_are_read_as_they_were(sound, dtype):
    found = whole(Pipe(Chunks(pcm(sound, dtype) + b"\0", 1_000), 16_000, 1, dtype))
    np.testing.assert_allclose(found, sound, atol=1e-4)


@pytest.mark.parametrize("right", [0.0, -1.0, 1.0])
def test_a_dead_or_inverted_channel_silences_nothing(sound, right):
    found = Mono(16_000, 16_000)(np.stack([sound, right * sound], 1))
    np.testing.assert_allclose(found, sound, atol=1e-5)


STREAMED = ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW", "MS_ADPCM", "IMA_ADPCM"]


def wav(sound, subtype, rate=22_050, **more):
    encoded = io.BytesIO()
    soundfile.write(encoded, sound, rate, **{"subtype": subtype, "format": "WAV"} | more)
    return encoded.getvalue()


ORDERS = [(subtype, {"endian": order}) for subtype in STREAMED for order in ("LITTLE", "BIG")]


@pytest.mark.parametrize(("subtype", "kind"), [*ORDERS, ("PCM_16", {"format": "RF64"})], ids=str)
@pytest.mark.parametrize("n_channels", [1, 2])
def test_a_wav_through_a_pipe_is_that_wav_as_a_file(tmp_path, sound, subtype, n_channels, kind):
    """Its header is read, whatever was said, and is no sound."""
    content = wav(np.stack([sound] * n_channels, 1), subtype, **kind)
    (tmp_path / "a.wav").write_bytes(content)
    source = Pipe(Chunks(content, 7_001), 16_000, 2, "int16")
    file = File(tmp_path / "a.wav")
    assert source.format[1:] == file.format[1:] == (22_050, n_channels, subtype)
    np.testing.assert_allclose(whole(source, 22_050), whole(file, 22_050), atol=1e-6)


@pytest.mark.parametrize("subtype", STREAMED)
def test_a_block_of_a_wav_is_heard_before_the_next_has_come(sound, subtype):
    content = wav(sound, subtype)

    class Slow(Chunks):
        n_given = 0

        def read(self, n):
            given = super().read(n)
            self.n_given += len(given)
            return given

    pipe = Slow(content, 100)
    first = next(Pipe(pipe, 16_000, 1, "int16").blocks(22_050))
    assert 0 < len(first) < 6_000
    assert pipe.n_given < len(content) / 2


def test_a_wav_type_without_independent_blocks_is_refused_with_a_way_out(sound):
    with pytest.raises(
        AudioError, match=r"standard input: a WAV of type 0x31,.*: give .*send it as a WAV of 16-bit PCM"
    ):
        Pipe(Chunks(wav(sound, "GSM610", 8_000), 100), 16_000, 1, "int16")


@pytest.mark.parametrize("n", [1, 7_001, 10**9])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "IMA_ADPCM"])
def test_chunks_that_follow_the_sound_of_a_wav_are_not_heard(sound, subtype, n):
    content = wav(sound[:10_001], subtype)
    tags = b"_PMX" + struct.pack("<I", 60_000) + b"<x:xmpmeta>!" * 5_000
    alone, tagged = (whole(Pipe(Chunks(some, n), 16_000, 1, "int16")) for some in (content, content + tags))
    np.testing.assert_array_equal(alone, tagged)


@pytest.mark.parametrize("more", ["samples", "another WAV"])
def test_sound_that_follows_a_wav_in_a_pipe_is_heard(sound, more):
    content = wav(sound, "PCM_16")
    after = pcm(sound) if more == "samples" else content
    found = whole(Pipe(Chunks(content + after, 999), 16_000, 1, "int16"), 22_050)
    np.testing.assert_allclose(found[: len(sound)], sound, atol=1e-4)
    np.testing.assert_allclose(found[-len(sound) :], sound, atol=1e-4)


@pytest.mark.parametrize(
    "fmt", [b"", struct.pack("<HHIIHH", 1, 1, 0, 0, 2, 16), struct.pack("<HHIIHH", 1, 0, 16_000, 0, 0, 0)]
)
def test_a_wav_header_that_tells_nothing_is_refused(fmt):
    head = b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data\xff\xff\xff\xff"
    with pytest.raises(AudioError, match=r"^standard input: "):
        Pipe(Chunks(head + bytes(100), 100), 16_000, 1, "int16")


AAC = bytes([0xFF, 0xF1, 0x50, 0x80, 0x03, 0x20, 0xFC]) + bytes(18)  # a frame of 25 bytes
OTHERS = {  # what begins so is of a kind
    **{kind: (kind, {"format": kind}) for kind in ("FLAC", "OGG", "AIFF", "W64", "AU", "CAF")},
    "44 kHz": ("MP3", {"samplerate": 44_100, "format": "MP3", "compression_level": 0.0}),
    "16 kHz": ("MP3", {"format": "MP3", "compression_level": 0.5}),
    "8 kHz": ("MP3", {"samplerate": 8_000, "format": "MP3", "compression_level": 0.9}),
    "tags": ("MP3", b"ID3\x03\0\0\0\0\0\0" + bytes(100)),
    "frames": ("aac", AAC * 200),
    "M4A": ("mov", b"\0\0\0\x18ftypM4A " + bytes(100)),
}


@pytest.mark.parametrize("other", OTHERS)
def test_another_sound_file_is_never_taken_for_raw_samples(sound, other):
    kind, content = OTHERS[other]
    if isinstance(content, dict):
        encoded = io.BytesIO()
        soundfile.write(encoded, sound, **{"samplerate": 16_000} | content)
        content = encoded.getvalue()
    with pytest.raises(AudioError, match=f"standard input: {kind}, not raw samples: give it as source=FILE"):
        Pipe(Chunks(content, 7), 16_000, 1, "int16")


def test_raw_samples_that_begin_as_a_frame_of_mpeg_audio_does_are_heard():
    rng = np.random.default_rng(0)
    for _ in range(200):
        samples = rng.integers(-300, 300, 4_000).astype(np.int16)
        samples[:2] = [-1025, rng.integers(0x10, 0xE8) - 0x8000]  # ff fb, then a bit rate
        np.testing.assert_allclose(whole(Pipe(io.BytesIO(samples.tobytes()), 16_000, 1, "int16")), samples / 2**15)


@pytest.mark.parametrize("level", [1e-4, 0.1, 1.0])
@pytest.mark.parametrize("dtype", ["int16", "int32"])
def test_floats_are_never_taken_for_integers_nor_these_for_floats(sound, dtype, level):
    """A browser's samples are floats: as integers they are noise, in which no name is ever recognised."""
    samples = level * sound / np.abs(sound).max()
    with pytest.raises(AudioError, match=f"its samples are float32, not {dtype}, .*: give it as source=FILE"):
        Pipe(Chunks(pcm(samples, "float32"), 700), 16_000, 1, dtype)
    bits = {"int16": 15, "int32": 31}[dtype]
    integers = (samples * (2.0**bits - 1)).astype(f"<i{(bits + 1) // 8}").tobytes()
    np.testing.assert_allclose(whole(Pipe(Chunks(integers, 700), 16_000, 1, dtype)), samples, atol=1e-4)


@pytest.mark.parametrize("first", [[-1, -5], [-23_708, 0], [0, 1]])  # as MPEG audio, IRCAM and ISO media begin
def test_raw_samples_may_begin_as_a_sound_file_does(first):
    samples = np.array(first + [7] * 400, np.int16)
    source = Pipe(Chunks(samples.tobytes(), 7), 16_000, 1, "int16")
    np.testing.assert_allclose(whole(source), samples / 2**15, atol=1e-6)


@pytest.mark.parametrize(("rate", "channels"), [(0, 1), ("abc", 1), (16_000, 0), (16_000, True), (16_000, 65)])
def test_raw_samples_of_an_impossible_format_are_refused_by_setting(rate, channels):
    with pytest.raises(ValueError, match=r"standard input: (rate|channels)=\w+ must be an integer from"):
        Pipe(Chunks(bytes(100), 7), rate, channels, "int16")


def test_a_fault_of_several_lines_is_one_line_of_json():
    fault = Fault("a.txt:1: one\na.txt:2: \x1b[31mtwo")
    assert fault.to_text().splitlines() == ["a.txt:1: one", r"a.txt:2: \x1b[31mtwo"]
    assert len(fault.to_json().splitlines()) == 1


def test_a_stream_without_a_sample_is_told(sound):
    encoded = io.BytesIO()
    soundfile.write(encoded, sound[:0], 16_000, format="WAV")
    for content in (b"", b"a", encoded.getvalue()):
        with pytest.raises(AudioError, match="standard input: no sound was received"):
            whole(Pipe(Chunks(content, 7), 16_000, 1, "int16"))


def test_samples_that_are_no_numbers_are_silence(sound):
    spoilt = sound.copy()
    spoilt[100:200] = np.nan
    found = whole(Pipe(Chunks(pcm(spoilt, "float32"), 999), 16_000, 1, "float32"))
    assert not found[100:200].any()
    np.testing.assert_array_equal(found[200:], sound[200:])


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 96_000])
def test_a_file_in_blocks_is_the_file_at_once(sound, rate, tmp_path):
    import soxr

    soundfile.write(tmp_path / "clip.wav", sound, rate, subtype="FLOAT")
    found = whole(File(tmp_path / "clip.wav"))
    expected = soxr.resample(sound, rate, 16_000)
    assert len(found) == pytest.approx(len(expected), abs=2)
    n = min(len(found), len(expected))
    np.testing.assert_allclose(found[:n], expected[:n], atol=2e-3)


class PortAudioError(Exception):
    pass


def device(monkeypatch, *plugged, block_s=0.01, rates=(48_000,), own_rate=None):
    """sounddevice as far as it is used: a microphone that gives blocks of 10 ms, then nothing, each time that it is
    ``plugged`` in; None is a time that it cannot be opened, as it cannot after the last. Each time it takes the next
    of ``rates`` alone, at last the last; it calls that its own, or ``own_rate``."""
    durations, times, rates = [], iter(plugged), [*rates]

    def check(samplerate, **_):
        if samplerate != rates[0]:
            raise PortAudioError("Invalid sample rate [PaErrorCode -9997]")

    class Stream:
        def __init__(self, samplerate, channels, callback, **_):
            check(samplerate)
            if (blocks := next(times, None)) is None:
                raise PortAudioError("Device unavailable [PaErrorCode -9985]")

            def run():
                for level, overflow in blocks:
                    block = np.full((samplerate // 100, channels), level, np.float32)
                    start = time.perf_counter()
                    callback(block, len(block), None, types.SimpleNamespace(input_overflow=overflow))
                    durations.append(time.perf_counter() - start)
                    time.sleep(block_s)

            self._thread = threading.Thread(target=run, daemon=True)

        def __enter__(self):
            self._thread.start()

        def __exit__(self, *_):
            self._thread.join()
            del rates[: len(rates) > 1]

    def query(*_):
        return {"name": "fake", "default_samplerate": float(own_rate or rates[0]), "max_input_channels": 1}

    module = types.ModuleType("sounddevice")
    module.query_devices, module.InputStream, module.PortAudioError = query, Stream, PortAudioError
    module.check_input_settings = check
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    for name, value in {"GONE_S": 0.3, "BACK_S": 0.5, "AGAIN_S": 0.05}.items():
        monkeypatch.setattr(f"speech.audio.streams.{name}", value)
    return durations


def heard_until_gone(microphone, reason="Device unavailable"):
    """The sound, and the faults that are told."""
    found = [np.zeros(0, np.float32)]
    with pytest.raises(OSError, match=reason):
        found.extend(microphone.blocks(16_000))
    faults = [one for one in found if isinstance(one, Fault)]
    return np.concatenate([one for one in found if not isinstance(one, Fault)]), faults


def test_a_microphone_is_opened_at_its_own_rate_and_told_when_gone(monkeypatch):
    device(monkeypatch, [(0.5, False)] * 20)
    microphone = Microphone(None)
    assert microphone.format == ("fake", 48_000, 1, "float32")
    sound, (gone,) = heard_until_gone(microphone)
    assert len(sound) == pytest.approx(0.2 * 16_000, abs=2)
    assert gone.text.startswith("fake: no sound for")


def test_a_microphone_that_comes_back_is_heard_again_at_the_right_time(monkeypatch):
    device(monkeypatch, [(0.5, False)] * 20, None, None, [(0.25, False)] * 20)
    start = time.monotonic()
    sound, faults = heard_until_gone(Microphone(None))
    assert [fault.lost_s > 0 for fault in faults] == [False, True, False]
    assert "no sound for" in faults[0].text
    again = np.flatnonzero(np.abs(sound - 0.25) < 0.01)
    assert len(again) == pytest.approx(0.2 * 16_000, abs=600)  # less the edges of the resampler
    assert 0.3 < again[len(again) // 2] / 16_000 < time.monotonic() - start


def test_a_microphone_that_comes_back_with_another_rate_is_heard_at_that(monkeypatch):
    device(monkeypatch, [(0.5, False)] * 20, [(0.25, False)] * 20, rates=(48_000, 44_100))
    sound, (_, back, _) = heard_until_gone(Microphone(None))
    assert back.text.startswith("it is back as fake: 44100 Hz, mono, float32: 0.")
    for level in (0.5, 0.25):
        assert np.count_nonzero(np.abs(sound - level) < 0.01) == pytest.approx(0.2 * 16_000, abs=600)


@pytest.mark.parametrize("rate", [48_000, 44_100, 16_000])
def test_a_microphone_that_refuses_its_own_rate_is_opened_at_a_usual_one(monkeypatch, rate):
    device(monkeypatch, rates=(rate,), own_rate=22_050)
    assert Microphone(None).format.rate == rate


@pytest.mark.parametrize(("subtype", "rate"), [("raw", 16_000), ("PCM_24", 22_050)])
def test_a_named_pipe_is_heard_as_standard_input_is(tmp_path, sound, subtype, rate):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    content = pcm(sound) if subtype == "raw" else wav(sound, subtype)
    writer = threading.Thread(target=fifo.write_bytes, args=(content,), daemon=True)
    writer.start()
    source = open_source(str(fifo), None, 16_000, 1, "int16")
    np.testing.assert_allclose(whole(source, rate), sound, atol=1e-4)
    assert str(fifo) in source.format.to_text()
    message = r"fifo: a pipe: save it as a file, or run python -m speech.listen source=PIPE"
    with pytest.raises(AudioError, match=message):
        open_file(fifo)


def test_another_device_that_has_the_number_now_is_not_heard_for_it(monkeypatch):
    device(monkeypatch, [(0.5, False)] * 20, [(0.25, False)] * 20)
    microphone, names = Microphone(3), iter(["other"] * 99)
    found = sys.modules["sounddevice"].query_devices()
    monkeypatch.setattr(sys.modules["sounddevice"], "query_devices", lambda *_: found | {"name": next(names)})
    sound, _ = heard_until_gone(microphone, "fake: gone: device=3 is now other")
    assert len(sound) == pytest.approx(0.2 * 16_000, abs=2)


def test_a_microphone_that_was_never_there_is_not_waited_for(monkeypatch):
    device(monkeypatch)
    sound, faults = heard_until_gone(Microphone(None))
    assert (len(sound), faults) == (0, [])


@pytest.mark.parametrize("level", [0.0, np.nan, -np.inf])
def test_exact_zeros_of_a_microphone_are_told_once(monkeypatch, level):
    device(monkeypatch, [(level, False)] * 80, block_s=0.001)
    _, (silent, gone) = heard_until_gone(Microphone(None))
    assert "muted" in silent.text
    assert "no sound for" in gone.text


def test_an_overrun_is_told_and_the_callback_never_waits(monkeypatch):
    durations = device(monkeypatch, [(0.5, i == 5) for i in range(20)])
    _, faults = heard_until_gone(Microphone(None))
    assert [fault.text.partition(":")[0] for fault in faults] == ["overrun", "fake"]
    assert np.median(durations) < 1e-3


@pytest.mark.parametrize(("kind", "rest"), [("WAV", 0.5), ("FLAC", 0.5), ("OGG", 0.7), ("AIFF", 0.9)])
def test_of_a_file_that_is_cut_off_what_is_there_is_heard_and_told(tmp_path, sound, kind, rest):
    encoded = io.BytesIO()
    soundfile.write(encoded, np.tile(sound, 4), 16_000, format=kind)
    path = tmp_path / f"clip.{kind.lower()}"
    path.write_bytes(encoded.getvalue()[: int(rest * len(encoded.getvalue()))])
    blocks = list(File(path).blocks(16_000))
    (fault,) = (block for block in blocks if isinstance(block, Fault))
    assert fault.text.startswith(f"{path}: ")
    n_heard = sum(len(block) for block in blocks if not isinstance(block, Fault))
    assert 0 < n_heard < 80_000
