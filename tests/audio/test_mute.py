"""What C code prints is kept from both streams while a file is decoded, and what Python prints is not."""

import ctypes
import os
import platform
import sys
import threading

import numpy as np
import pytest
import soundfile

from speech.audio import files, mute

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")


def c_prints(text):
    libc = ctypes.CDLL(None)
    libc.printf(b"%s\n", text.encode())
    libc.fflush(None)
    libc.perror(text.encode())


def test_c_code_prints_nothing_inside_and_again_after(capfd):
    with mute.muted():
        c_prints("inside")
        with mute.muted():
            c_prints("nested")
        c_prints("still inside")
        print("python")
        print("python", file=sys.stderr)
        os.write(2, b"descriptor\n")
    c_prints("after")
    told = capfd.readouterr()
    assert told.out == "python\nafter\n"
    assert "inside" not in told.err
    assert "nested" not in told.err
    assert told.err.startswith("python\ndescriptor\nafter: ")


def test_threads_that_overlap_leave_the_streams_as_they_were(capfd):
    first, second = threading.Event(), threading.Event()

    def overlap():
        with mute.muted():
            first.set()
            second.wait(10)

    thread = threading.Thread(target=overlap)
    with mute.muted():
        thread.start()
        first.wait(10)
    c_prints("one is still inside")
    second.set()
    thread.join()
    c_prints("none is")
    assert capfd.readouterr().out == "none is\n"


def test_what_mpg123_says_of_a_cut_file_is_not_printed(tmp_path, capfd):
    noise = np.random.default_rng(0).normal(scale=0.1, size=16_000)
    path = tmp_path / "clip.mp3"
    soundfile.write(path, noise, 16_000, format="MP3")
    path.write_bytes(path.read_bytes()[:3_000])
    soundfile.read(path)
    assert "Xing" in capfd.readouterr().err, "it prints, where nothing keeps it from that"
    with pytest.raises(files.AudioError, match="truncated"):
        files.read(path, 16_000)
    assert capfd.readouterr() == ("", "")
