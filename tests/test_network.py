"""No command uses the network unasked: onnxruntime's telemetry, which looks a name up after nine seconds, is off."""

import os
import shutil
import subprocess
import sys

import pytest

from speech import pretrained

AFTER_S = 13  # of a first look-up
OURS = "from speech import Runtime; Runtime.load()"
ITS_OWN = f"import onnxruntime; kept = onnxruntime.InferenceSession({str(pretrained.FOLDER / pretrained.G2P)!r})"


def environment(**more):
    return {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"} | more


@pytest.fixture(scope="module")
def attempts(tmp_path_factory):
    """Of OURS and of ITS_OWN, run side by side: the calls by which it opens a socket of the internet, and its home."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    strace = ["strace", "-f", "-qq", "-e", "trace=socket,connect,sendto,sendmsg,sendmmsg", "-o"]
    if subprocess.run([*strace, os.devnull, "true"], capture_output=True).returncode:
        pytest.skip("no process may be traced here")
    started = {}
    for code in (OURS, ITS_OWN):
        folder = tmp_path_factory.mktemp("traced")
        there = environment(HOME=str(folder / "home"), XDG_CACHE_HOME=str(folder / "home" / ".cache"))
        (folder / "home").mkdir()
        command = [sys.executable, "-c", f"{code}\nimport time\ntime.sleep({AFTER_S})"]
        started[code] = folder, subprocess.Popen([*strace, str(folder / "log"), *command], env=there)
    found = {}
    for code, (folder, process) in started.items():
        assert process.wait() == 0
        lines = (folder / "log").read_text(errors="replace").splitlines()
        found[code] = [line for line in lines if "AF_INET" in line], list((folder / "home").rglob("*"))
    return found


def test_nothing_is_looked_up_or_sent_and_no_identity_is_kept(attempts):
    assert attempts[OURS] == ([], [])


def test_onnxruntime_by_itself_is_seen_to_try(attempts):
    """What the test before would find. A version that no longer tries, or that cannot, is told."""
    calls, files = attempts[ITS_OWN]
    if not calls and not files:
        pytest.skip("this onnxruntime sends no telemetry by itself")
    assert calls or any("Microsoft" in str(path) for path in files)


@pytest.mark.parametrize("before", ["0", "1"])
def test_it_is_off_whatever_the_environment_says(before):
    code = "import speech, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    there = environment(ORT_DISABLE_TELEMETRY=before)
    assert subprocess.run([sys.executable, "-c", code], env=there, capture_output=True, text=True).stdout == "1\n"
