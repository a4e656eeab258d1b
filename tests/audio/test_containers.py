"""Sound files as programs in the field write them: what the header says wrongly is no matter, what is cut off is."""

import io
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from speech.audio import containers, files

RATE = 16_000
RNG = np.random.default_rng(0)
TONE = (0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE) * np.hanning(RATE)).astype(np.float32)
TONE += RNG.normal(scale=0.01, size=RATE).astype(np.float32)  # with frames of several lengths in MP3 and OGG
PCM = (TONE * 32767).astype("<i2").tobytes()
UNKNOWN = [0, 0x7FFF_F000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF - 36, 0xFFFF_FFFF]  # sox, arecord, FFmpeg and others


def wav(data=PCM, riff=36, size=None, byte_rate=2 * RATE, align=2, before=b"", after=b""):
    """A mono WAV file of 16 bits with these bytes in its header, and these chunks before and after its sound."""
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, byte_rate, align, 16)
    size = len(data) if size is None else size
    return (
        b"RIFF" + struct.pack("<I", riff) + b"WAVE" + form + before + b"data" + struct.pack("<I", size) + data + after
    )


def chunk(name, content):
    return name + struct.pack("<I", len(content)) + content


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """The waveform of a file of some content."""
    path = tmp_path_factory.mktemp("content") / "clip.wav"

    def made(content):
        path.write_bytes(content)
        return files.read(path, RATE)

    return made


def encoded(kind, subtype, samples=TONE, rate=RATE):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


WORD = st.integers(0, 0xFFFF_FFFF)


@given(st.sampled_from([*UNKNOWN, None]), WORD, WORD, st.sampled_from([1, 2, 4, 8]), st.sampled_from([b"", b"\0"]))
def test_a_wav_with_a_wrong_header_holds_every_sample(read, size, riff, byte_rate, align, odd):
    found = read(wav(PCM + odd, riff, size, byte_rate, align))
    assert np.abs(found[: len(TONE)] - TONE).max() < 1e-3
    assert len(found) - len(TONE) in (0, len(odd))


@given(st.integers(1, containers.MISCOUNT))
def test_a_wav_whose_length_counts_its_header_is_not_truncated(read, n_bytes):
    assert len(read(wav(size=len(PCM) + n_bytes))) == len(TONE)


@pytest.mark.parametrize("size", [2, 44, 1_000, RATE])
def test_a_wav_whose_header_was_written_before_its_sound_holds_every_sample(read, size):
    assert np.abs(read(wav(size=size)) - TONE).max() < 1e-3
    for after in (chunk(b"LIST", b"INFO" + bytes(size)), bytes(2 * size), b"\xff" * (size // 2)):
        assert len(read(wav(PCM[:size], after=after))) == size // 2


@pytest.mark.parametrize("before", [b"", chunk(b"JUNK", bytes(28)), chunk(b"LIST", b"INFO") + chunk(b"fact", bytes(4))])
@pytest.mark.parametrize("after", [b"", chunk(b"LIST", b"INFOICMT" + bytes(4)), bytes(512)])
def test_chunks_around_the_sound_are_no_sound(read, before, after):
    assert len(read(wav(before=before, after=after))) == len(TONE)


def test_a_closed_wav_without_sound_is_empty_whatever_chunks_follow(read):
    for content in (wav(b""), wav(b"", after=chunk(b"LIST", b"INFOICMT" + bytes(400)))):
        with pytest.raises(files.AudioError, match="no samples in it"):
            read(content)


def test_a_wav_that_was_never_closed_is_read_with_its_other_byte_order_too(read):
    plain = wav(size=0)
    assert np.abs(read(plain) - TONE).max() < 1e-3
    form = b"fmt " + struct.pack(">IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    swapped = np.frombuffer(PCM, "<i2").astype(">i2").tobytes()
    assert np.abs(read(b"RIFX" + bytes(4) + b"WAVE" + form + b"data" + bytes(4) + swapped) - TONE).max() < 1e-3


FIELDS = [("AU", b".snd", 8, ">I"), ("CAF", b"data", 4, ">q"), ("W64", b"data", 16, "<Q"), ("AIFF", b"SSND", 4, ">I")]
FIELDS += [("RF64", b"ds64", 16, "<Q")]


@pytest.mark.parametrize(("kind", "chunk_name", "at", "form"), FIELDS, ids=lambda value: str(value))
@pytest.mark.parametrize("value", [0, -1, 100])
def test_a_header_written_into_a_pipe_holds_every_sample_in_any_format(read, kind, chunk_name, at, form, value):
    content = bytearray(encoded(kind, "PCM_16"))
    largest = -1 if form == ">q" else 2 ** (8 * struct.calcsize(form)) - 1
    struct.pack_into(form, content, content.index(chunk_name) + at, largest if value < 0 else value)
    assert np.abs(read(content)[: len(TONE)] - TONE).max() < 1e-3


CODECS = [
    *(("WAV", one) for one in ("PCM_16", "FLOAT", "ULAW", "IMA_ADPCM", "MS_ADPCM", "GSM610", "G721_32")),
    *(("WAV", f"NMS_ADPCM_{bits}") for bits in (16, 24, 32)),
    *(("AU", one) for one in ("PCM_16", "G721_32", "G723_24", "G723_40")),
    *(("AIFF", one) for one in ("PCM_16", "GSM610", "IMA_ADPCM")),
    *(("CAF", one) for one in ("PCM_24", "ALAC_16")),
    *((one, "PCM_16") for one in ("RF64", "W64", "FLAC", "NIST", "VOC", "IRCAM", "SVX", "AVR", "PAF", "PVF")),
    *(("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("WVE", "ALAW"), ("W64", "GSM610")),
]


@pytest.mark.parametrize(("kind", "subtype"), CODECS, ids="-".join)
def test_each_format_that_libsndfile_reads_is_read(read, kind, subtype):
    rate = 8_000 if kind == "WVE" else RATE
    found = read(encoded(kind, subtype, TONE[:: RATE // rate], rate))
    assert abs(len(found) - len(TONE)) < 300  # codecs fill their last block
    assert np.corrcoef(found[2_000:14_000], TONE[2_000:14_000])[0, 1] > 0.9


CUT = [one for one in CODECS if one[0] in ("WAV", "AIFF", "CAF", "RF64", "W64", "AU", "NIST", "FLAC", "OGG", "MP3")]


@pytest.mark.parametrize(("kind", "subtype"), CUT, ids="-".join)
@pytest.mark.parametrize("rest", [0.3, 0.6, 0.95])
def test_a_file_that_is_cut_short_is_refused_in_any_format(read, kind, subtype, rest):
    content = encoded(kind, subtype)
    with pytest.raises(files.AudioError, match=r"truncated|not readable as audio .*copy it again"):
        read(content[: round(rest * len(content))])


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_that_is_cut_between_two_pages_is_refused(read, subtype):
    content = encoded("OGG", subtype, np.tile(TONE, 8))
    pages = [i for i in range(1, len(content)) if content.startswith(b"OggS", i)]
    assert len(pages) > 3
    for end in pages[3:]:
        with pytest.raises(files.AudioError, match="truncated"):
            read(content[:end])
    assert len(read(content)) == 8 * len(TONE)


def of_unknown_length(flac):
    """``flac`` with 0 in the 36 bits of its number of samples, as a writer into a pipe leaves them."""
    return flac[:21] + bytes([flac[21] & 0xF0]) + bytes(4) + flac[26:]


@given(st.integers(1, 2 * RATE))
def test_a_flac_of_unknown_length_is_read_to_its_end(read, n_samples):
    samples = np.tile(TONE, 2)[:n_samples]
    assert np.abs(read(of_unknown_length(encoded("FLAC", "PCM_16", samples))) - samples).max() < 1e-3


def test_a_flac_of_unknown_length_without_frames_or_too_long_is_refused(read):
    for length in (42, 86, 200):
        with pytest.raises(files.AudioError, match="not readable as audio"):
            read(of_unknown_length(encoded("FLAC", "PCM_16"))[:length])
    with pytest.raises(files.AudioError, match="90 s long, over the 60 s"):
        read(of_unknown_length(encoded("FLAC", "PCM_16", np.zeros(90 * RATE))))


@pytest.mark.parametrize(
    "content",
    [b"no audio at all", bytes(1_000), b"RIFF\0\0\0\0AVI LIST", encoded("WAV", "PCM_16")[:8], b"\xff", b"ID3"],
)
def test_what_does_not_begin_as_sound_does_is_never_tried(read, content, monkeypatch):
    monkeypatch.setattr(soundfile, "SoundFile", lambda *_, **__: pytest.fail("it was tried"))
    with pytest.raises(files.AudioError, match=r"\(unknown format\).*: convert it to WAV or FLAC: ffmpeg -i "):
        read(content)


@given(st.data())
def test_a_damaged_file_is_read_or_refused_and_nothing_else(read, data):
    content = bytearray(encoded(*data.draw(st.sampled_from(CODECS))))
    for at in data.draw(st.lists(st.integers(0, min(200, len(content)) - 1), max_size=6)):
        content[at] = data.draw(st.integers(0, 255))
    try:
        found = read(bytes(content[: data.draw(st.integers(1, len(content)))]))
    except files.AudioError:
        return
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


@given(st.binary(max_size=64), st.sampled_from(["WAV", "AIFF", "CAF", "W64", "RF64", "AU", "OGG", "NIST", "FLAC"]))
def test_any_bytes_have_a_kind_and_an_end(some, kind):
    file = io.BytesIO(some)
    assert containers.kind(file) is None or isinstance(containers.kind(file), str)
    assert containers.is_truncated(file, kind) in (True, False)
    whole = containers.closed(file, kind)
    assert whole is None or len(whole.read()) <= len(some)


def test_a_header_of_a_million_empty_chunks_takes_no_time():
    file = io.BytesIO(wav(before=chunk(b"JUNK", b"") * 1_000_000))
    assert not containers.is_truncated(file, "WAV")


TAG = b"ID3\x04\0\0" + bytes([0, 0, 2, 44]) + bytes(300)  # says 300


@pytest.mark.parametrize("before", [TAG, TAG + TAG, TAG + bytes(9_000), TAG[:-200] + TAG[-100:] + bytes(500)])
def test_tags_before_an_mp3_are_passed_with_their_padding(read, before):
    mp3 = encoded("MP3", "MPEG_LAYER_III")
    np.testing.assert_array_equal(read(before + mp3), read(mp3))
