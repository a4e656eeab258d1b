import errno
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from speech.common import processes
from speech.common.processes import signals_held, temporary_files_in_one_folder, temporary_folder

resource = pytest.importorskip("resource")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
BEGIN = "import os, sys, tempfile; from speech.common import processes\n"


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "LONGEST_TEMPORARY", 10_000)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def run(code):
    return subprocess.run([sys.executable, "-c", BEGIN + code], capture_output=True, text=True, check=False)


def test_a_folder_that_a_killed_process_left_is_removed_by_the_next(temporary):
    run("folder = processes.temporary_folder('espeak'); os.kill(os.getpid(), 9)")
    (left,) = temporary.iterdir()
    (temporary / "espeak-of-another-program").mkdir()
    with temporary_folder("espeak") as own, temporary_folder("espeak") as other:
        assert not left.exists()
        assert {Path(own), Path(other)} < set(temporary.iterdir()), "those of a living process stay"
    assert [path.name for path in temporary.iterdir()] == ["espeak-of-another-program"]


def test_files_of_a_killed_process_and_its_children_are_removed_later(temporary):
    own = "processes.LONGEST_TEMPORARY = 10_000\n"
    own += "own = processes.temporary_files_in_one_folder('train'); own.__enter__(); tempfile.mkdtemp()\n"
    run(own + "if os.fork(): os.wait(); os.kill(os.getpid(), 9)\ntempfile.mkdtemp(); os._exit(0)")
    (left,) = temporary.iterdir()
    assert len(list(left.iterdir())) == 2
    with temporary_files_in_one_folder("train"):
        assert not left.exists()
        tempfile.mkdtemp()
    assert tempfile.mkdtemp().startswith(str(temporary))


def test_files_of_killed_children_are_removed_when_their_parent_ends(temporary):
    code = "processes.LONGEST_TEMPORARY = 10_000; folder = processes.folder_of_family()\n"
    code += "if not os.fork():\n    processes.put_temporary_files_into(folder); tempfile.mkdtemp()\n"
    code += "    os.kill(os.getpid(), 9)\n"
    code += "if not os.fork(): sys.exit()\n"  # it is not the one that began
    code += "os.wait(); os.wait(); print(len(os.listdir(folder)))"
    assert run(code).stdout == "1\n"
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_lets_a_process_put_away_what_it_began(temporary, number):
    code = f"processes.exit_on_signals(); folder = processes.temporary_folder('a'); os.kill(os.getpid(), {int(number)})"
    assert run(code).returncode == 128 + number
    assert list(temporary.iterdir()) == []


def test_a_process_that_another_library_started_stops_with_its_parent():
    child = f"{BEGIN}import time; processes.exit_on_signals(); processes.stop_with(os.getppid())\n"
    child += (
        "print('begun', flush=True)\ntry: time.sleep(60)\nexcept SystemExit as ended: print(ended.code, flush=True)"
    )
    code = f"import subprocess; child = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=subprocess.PIPE)\n"
    code += "print(child.stdout.readline().decode(), flush=True)\n"
    code += "if os.fork(): os.kill(os.getpid(), 9)\nprint(child.stdout.read().decode())"
    assert run(code).stdout.split() == ["begun", str(128 + signal.SIGTERM)]


def test_a_signal_within_is_acted_on_at_the_end():
    done, before = [], signal.getsignal(signal.SIGINT)

    @signals_held()
    def interrupted():
        os.kill(os.getpid(), signal.SIGINT)
        done.append("to its end")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done == ["to its end"]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_signal_that_nohup_ignores_stays_ignored():
    code = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); processes.exit_on_signals()\n"
    done = run(code + "os.kill(os.getpid(), signal.SIGHUP); print('goes on')")
    assert done.stdout == "goes on\n"


def ended(path, code):
    path.write_text(code)
    return subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=30, check=False)


def test_an_exception_ends_the_children_that_would_be_waited_for(tmp_path):
    done = ended(
        tmp_path / "parent.py",
        """
import multiprocessing, time
from speech.common.processes import end_with_parent, no_children_left

def child(ready):
    end_with_parent()
    ready.set()
    time.sleep(60)

if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    with no_children_left():
        context.Process(target=child, args=(ready,)).start()
        ready.wait()
        raise KeyError("in a callback")
""",
    )
    assert done.returncode == 1
    assert done.stderr.endswith("KeyError: 'in a callback'\n")


def test_of_two_signals_the_second_does_not_keep_a_pool_from_ending(tmp_path):
    """As of ``timeout``, which sends one to the process and one to its group."""
    done = ended(
        tmp_path / "parent.py",
        """
import multiprocessing, os, signal, threading, time
from concurrent.futures import ProcessPoolExecutor
from speech.common.processes import end_with_parent, exit_on_signals, no_children_left

def signals():
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.05)

if __name__ == "__main__":
    exit_on_signals()
    workers = ProcessPoolExecutor(2, multiprocessing.get_context("spawn"), initializer=end_with_parent)
    with workers as pool, no_children_left():
        pool.submit(os.getpid).result()
        waited = [pool.submit(time.sleep, 60) for _ in range(4)]
        threading.Thread(target=signals).start()
        waited[0].result()
""",
    )
    assert done.returncode == 128 + signal.SIGTERM


def test_little_memory_to_share_leaves_one_process(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "SHARED_MEMORY", tmp_path)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert processes.cores() == processes.cores(1_000) == 4
    assert processes.cores(shutil.disk_usage(tmp_path).total + 1) == 1
    monkeypatch.setattr(processes, "SHARED_MEMORY", tmp_path / "of another system")
    assert processes.cores(1 << 60) == 4


@pytest.mark.parametrize("error", [OSError(errno.ENOSYS, "no /dev/shm"), ImportError("no sem_open")])
def test_without_a_lock_to_share_there_is_one_process(monkeypatch, error):
    def no_lock():
        raise error

    monkeypatch.setattr(multiprocessing, "Lock", no_lock)
    assert processes.cores() == 1


def test_a_temporary_folder_too_long_for_a_socket_leaves_one_process(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    fitting = "/" + "t" * (processes.LONGEST_TEMPORARY - 1)
    for folder, n in ((fitting, 4), (fitting + "t", 1)):
        monkeypatch.setattr(tempfile, "tempdir", folder)
        assert processes.cores() == n


def test_files_stay_in_a_temporary_folder_that_leaves_no_room_for_another(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(processes, "LONGEST_TEMPORARY", len(str(tmp_path)))
    with temporary_files_in_one_folder("train"):
        assert tempfile.gettempdir() == str(tmp_path)


@pytest.mark.parametrize(
    ("limit", "least", "n_bytes"),
    [(resource.RLIMIT_FSIZE, 1_000_000, 1_000_000), (resource.RLIMIT_NOFILE, processes.LEAST_FILES, 0)],
    ids=["small", "few"],
)
def test_small_or_few_files_leave_one_process(monkeypatch, limit, least, n_bytes):
    """Memory that is shared is a file."""
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    before, found = resource.getrlimit(limit), []
    for value in (least - 1, least):
        resource.setrlimit(limit, (value, before[1]))
        found.append(processes.cores(n_bytes))
    resource.setrlimit(limit, before)
    assert found == [1, 4]
