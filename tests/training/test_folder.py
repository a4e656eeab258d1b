"""A run's folder belongs to one training at a time, and to one run."""

import subprocess
import sys

import pytest

from speech.training.folder import RESULTS, STATE, claimed


@pytest.fixture
def running(tmp_path):
    """The folder that another process trains in."""
    code = "import sys; from speech.training.folder import claimed\n"
    code += "with claimed(sys.argv[1], False): print(flush=True); sys.stdin.read()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code, tmp_path], stdin=pipe, stdout=pipe) as process:
        process.stdout.readline()
        yield tmp_path
        process.stdin.close()


@pytest.mark.parametrize("resume", [True, False])
def test_a_folder_in_which_a_training_runs_is_refused(running, resume):
    with (
        pytest.raises(FileExistsError, match=rf"^{running}: a training or a calibration is writing there"),
        claimed(running, resume),
    ):
        pass


def test_a_folder_is_free_again_when_its_training_was_killed(tmp_path):
    code = "import os, sys; from speech.training.folder import claimed\n"
    code += "with claimed(sys.argv[1], False): os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, tmp_path], check=False)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / ".part-1-1-last.ckpt").write_bytes(b"half")
    with claimed(tmp_path, True):
        assert list((tmp_path / "checkpoints").iterdir()) == [], "what it left half written is gone"


@pytest.mark.parametrize("name", [*STATE, RESULTS])
def test_the_folder_of_a_run_is_for_resuming_alone(tmp_path, name):
    """And that of a lesson for nothing."""
    told = r"results exist there \(report\.json\): give another run_dir=DIR"
    told = told if name == RESULTS else rf"a run exists there .*resume={tmp_path}"
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"trained for hours")
    with pytest.raises(FileExistsError, match=told), claimed(tmp_path, False):
        pass
    with claimed(tmp_path, True):
        pass
    assert (tmp_path / name).read_bytes() == b"trained for hours"


def test_a_folder_in_which_nothing_was_trained_yet_may_be_taken(tmp_path):
    (tmp_path / "config.yaml").write_text("of a run whose list had a fault")
    with claimed(tmp_path, False) as folder:
        assert folder == tmp_path
