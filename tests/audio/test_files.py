import io
import os
import signal
import struct

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from speech.audio import files, limits

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
    with pytest.raises(files.AudioError, match="NaN or infinite in 2 samples"):
        files.to_waveform([0.1, np.nan, np.inf], RATE, RATE)


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_samples_beyond_any_scale_are_refused(tmp_path, subtype):
    soundfile.write(tmp_path / "huge.wav", TONE.astype(float) * 1e37, RATE, subtype=subtype)
    with pytest.raises(files.AudioError, match=r"huge\.wav: samples of up to 5e\+36, beyond 32 bits: export it again"):
        files.read(tmp_path / "huge.wav", RATE)


@pytest.mark.parametrize(
    ("rate", "n_channels", "reason"),
    [
        (4_000_000_000, 1, "sample rate 4e.09 Hz is outside the range"),
        (3, 1, "sample rate 3 Hz is outside the range"),
        (RATE, 1_000, "1000 channels, at most 64 are allowed: mix them down"),
        (4_000, 1, "250 s long, over the 60 s"),
        (384_000, 60, "60 channels of 2 s at 384000 Hz are too much: mix it down"),
    ],
)
def test_a_header_of_absurd_numbers_is_refused_before_samples_are_read(tmp_path, rate, n_channels, reason, monkeypatch):
    n_bytes = 2 * 1_000_000 * (45 if n_channels == 60 else 1)
    form = struct.pack("<IHHIIHH", 16, 1, n_channels, rate, 0, 2 * n_channels, 16)
    head = b"RIFF" + bytes(4) + b"WAVEfmt " + form + b"data" + struct.pack("<I", n_bytes)
    with (tmp_path / "absurd.wav").open("wb") as file:
        file.write(head)
        file.truncate(len(head) + n_bytes)  # a hole in the file: no space is taken
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *_, **__: pytest.fail("samples were read"))
    with pytest.raises(files.AudioError, match=rf"absurd\.wav: {reason}|absurd\.wav: not readable as audio"):
        files.read(tmp_path / "absurd.wav", RATE)


@given(st.floats(), st.integers(-1, 10**6), st.integers(0, 10**12))
def test_what_is_within_the_limits_fits_into_memory(rate, n_channels, n_samples):
    try:
        limits.check("clip", rate, n_channels, n_samples)
    except limits.AudioError:
        return
    assert n_samples * n_channels * 4 <= 2**27
    assert n_samples <= 60 * rate <= 60 * 384_000


STEREO = {
    "alike": (np.stack([TONE, TONE], axis=1), 1.0),
    "inverted": (np.stack([TONE, -TONE], axis=1), 1.0),
    "nearly inverted": (np.stack([0.9 * TONE, -TONE], axis=1), -1.0),
    "one empty": (np.stack([TONE, 0 * TONE], axis=1), 0.5),
    "one of eight": (np.stack([0 * TONE] * 5 + [TONE] + [0 * TONE] * 2, axis=1), 1.0),
    "inverted beside an offset": (np.stack([TONE, -TONE, 0 * TONE + 0.4], axis=1), 1.0),
}


@pytest.mark.parametrize("case", STEREO)
def test_channels_that_cancel_or_are_empty_leave_one_that_is_heard(case):
    samples, gain = STEREO[case]
    assert np.abs(files.to_waveform(samples, RATE, RATE) - gain * TONE).max() < 1e-6


SHAPES = {
    "(n,)": TONE,
    "(1, n)": TONE[None],
    "(n, 1)": TONE[:, None],
    "(2, n)": np.stack([TONE] * 2),
    "list": TONE.tolist(),
}
KINDS = {"array": np.asarray, "tensor": torch.tensor, "with a gradient": lambda x: torch.tensor(x, requires_grad=True)}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_arrays_and_tensors_of_one_clip_are_taken_in_either_order(shape, kind):
    assert np.abs(files.to_waveform(KINDS[kind](SHAPES[shape]), RATE, RATE) - TONE).max() < 1e-6


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros((1, 2, RATE)), r"samples of shape \(1, 2, 16000\); \(n,\) or \(n, n_channels\)"),
        (0.5, r"samples of shape \(\)"),
        (np.zeros((200, 300)), "200 channels, at most 64 are allowed"),
        (np.zeros(61 * RATE), "61 s long, over the 60 s"),
        (np.zeros(RATE, bool), "samples of type bool"),
        (np.zeros(RATE, complex), "samples of type complex128"),
        (["a", "b"], "samples of type <U1"),
        ([[1, 2], [3]], "the samples are not an array of numbers"),
        (None, r"samples of shape \(\)"),
        (torch.zeros(RATE, dtype=torch.bfloat16), "the samples are not an array of numbers"),
        (torch.zeros(0), "no samples in it"),
    ],
)
def test_samples_of_another_shape_or_type_are_refused_by_it(samples, reason):
    with pytest.raises(files.AudioError, match=f"clip: {reason}"):
        files.to_waveform(samples, RATE, RATE)


@pytest.mark.parametrize("rate", [TONE, None, "16000", True, np.nan, np.inf, 0, -16_000, 10**400])
def test_a_rate_that_is_none_is_refused(rate):
    none = rf"the sample rate is {type(rate).__name__}: give \(samples, rate in Hz\)"
    with pytest.raises(files.AudioError, match=f"{none}|sample rate .* is outside the range"):
        files.to_waveform(TONE, rate, RATE)


@pytest.mark.parametrize("rate", [RATE, float(RATE), np.int64(RATE), np.float32(RATE)])
def test_a_rate_is_any_kind_of_number(rate):
    assert np.array_equal(files.to_waveform(TONE, rate, RATE), TONE)


PCM = np.round(TONE * 32768)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64, np.float32, np.float64, list])
def test_values_of_16_and_of_32_bits_are_taken_for_such_in_any_type(dtype):
    for scale in (1,) if dtype is np.int16 else (1, 65536):
        samples = (scale * PCM).astype(int).tolist() if dtype is list else (scale * PCM).astype(dtype)
        assert np.abs(files.to_waveform(samples, RATE, RATE) - TONE).max() < 1e-4


def test_floats_a_little_over_full_scale_stay():
    assert files.to_waveform([0.0, 1.5, -4.0], RATE, RATE).tolist() == [0.0, 1.5, -4.0]


def test_integer_samples_are_scaled_by_their_range():
    assert files.to_waveform(np.array([-32768, 16384], np.int16), RATE, RATE).tolist() == [-1.0, 0.5]
    assert files.to_waveform(np.array([0, 128, 192], np.uint8), RATE, RATE).tolist() == [-1.0, 0.0, 0.5]


@pytest.fixture
def tree(tmp_path):
    """Clips in folders, beside what is none: a text, a list, what macOS leaves, a link to elsewhere and one back."""
    (tmp_path / "elsewhere").mkdir()
    root = tmp_path / "root"
    (root / "deep" / "deeper").mkdir(parents=True)
    for name in ("a.wav", "deep/B.FLAC", "deep/deeper/c.m4a", "deep/._a.wav", "notes.txt", "../elsewhere/d.opus"):
        (root / name).write_bytes(b"x")
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (root / "deep" / "back").symlink_to(root)
    return root


def found(pattern):
    return [path.name for path in files.find_clips(pattern)]


def test_a_folder_is_searched_through_links_and_each_file_is_found_once(tree):
    assert sorted(found(tree)) == ["B.FLAC", "a.wav", "c.m4a", "d.opus"]


def test_a_glob_matches_files_of_any_name_and_whole_folders(tree):
    assert found(tree / "*.txt") == ["notes.txt"]
    assert sorted(found(f"{tree}/*e*")) == ["B.FLAC", "a.wav", "c.m4a", "d.opus", "notes.txt"]  # deep, and its link
    assert "B.FLAC" in found(f"{tree}/**/*.FLAC")


IN_FOLDERS = "wav WAV wave flac ogg oga opus mp3 aiff aif caf au snd w64 sph m4a M4A aac webm mkv mp4 mov 3gp amr wma"
IN_FOLDERS += " 3gpp awb m4v"  # phones'


@pytest.mark.parametrize("suffix", IN_FOLDERS.split())
def test_a_file_of_sound_in_a_folder_is_not_passed_over(tmp_path, suffix):
    (tmp_path / f"clip.{suffix}").touch()
    assert found(tmp_path) == [f"clip.{suffix}"]


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("gone", "no such file or folder"),
        ("gone.wav", "no such file or folder"),
        ("*.wav", "no file matches"),
        ("empty", r"no sound files in it \(WAV, FLAC, OGG, MP3, M4A and others\)"),
    ],
)
def test_a_place_without_sound_is_refused_with_what_it_is(tmp_path, place, reason):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=f"{place}: {reason}".replace("*", r"\*")):
        files.find_clips(tmp_path / place)


def test_standard_input_is_no_clip_and_what_hears_it_is_said():
    with pytest.raises(FileNotFoundError, match=r"^-: .*; for standard input, run .*speech.listen source=-$"):
        files.find_clips("-")


def test_one_of_a_list_that_is_not_there_stops_no_other(tree, tmp_path):
    gone = [str(tmp_path / name) for name in ("gone.wav", "gone")]
    assert [path.name for path in files.find_clips([gone[0], str(tree / "a.wav"), gone[1]])] == [
        "gone.wav",
        "a.wav",
        "gone",
    ]
    with pytest.raises(FileNotFoundError, match=r"gone\.wav: no such file or folder"):
        files.find_clips(gone)
    with pytest.raises(FileNotFoundError, match=r"clips=\[\]: the list is empty: give a file"):
        files.find_clips([])


@pytest.mark.parametrize("name", ["x" * 300 + ".wav", "null\0.wav", "gone.wav", ".", "pipe", "link"])
def test_a_path_that_is_no_file_is_refused_whatever_it_is(tmp_path, name):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(files.AudioError):
        files.read(tmp_path / name, RATE)


@pytest.mark.parametrize("name", [b"caf\xe9.wav", "名前.wav".encode(), b"-.wav", b"a b'c\n.wav"])
def test_a_file_of_any_name_is_read(tmp_path, name):
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(wav())
    assert len(files.read(path, RATE)) == RATE


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_ctrl_c_while_c_writes_or_reads_is_not_lost(tmp_path, monkeypatch, suffix):
    """libsndfile calls the file's functions: an exception that is raised in one of them goes no further."""
    path = tmp_path / f"clip.{suffix}"
    files.write(path, np.full(1_000, 0.1, np.float32), 16_000)

    class Interrupted(io.BytesIO):
        def write(self, content):
            os.kill(os.getpid(), signal.SIGINT)
            return super().write(content)

        def readinto(self, buffer):
            os.kill(os.getpid(), signal.SIGINT)
            return super().readinto(buffer)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        monkeypatch.setattr("speech.audio.files.io.BytesIO", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            files.write(tmp_path / f"other.{suffix}", np.zeros(1_000, np.float32), 16_000)
        with pytest.raises(KeyboardInterrupt):
            files._SoundFile(Interrupted(path.read_bytes()), suffix.upper(), path)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not (tmp_path / f"other.{suffix}").exists()
