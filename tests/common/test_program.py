"""What surrounds the work of a command, each in a process of its own."""

import os
import signal
import subprocess
import sys
import time

import pytest

from speech.common import program

COMMANDS = [  # each imports for a second or more, and works for longer
    ["speech.train", "init=null", "corpus.names=[Anna,Bob]", "cache_dir=cache"],
    ["speech.synthesize", "names=[Anna,Bob]", "n_voices=90", "output=clips"],
    ["speech.serve", "wyoming_port=0", "http_port=18300"],
]
# Runs a module, and prints a line when Ctrl-C has its answer: until then it is Python's, of its own start.
BEGUN = """
import runpy, signal, sys
def told(number, handler, before=signal.signal):
    found = before(number, handler)
    if number == signal.SIGINT:
        print(flush=True)
    return found
signal.signal = told
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], None, "__main__")
"""


def script_of(work, tmp_path, options=""):
    """A command whose work are the lines ``work``, run with ``options``."""
    lines = ["import os, signal, sys, time, warnings", "from speech.common import program", "def work():"]
    script = tmp_path / "command.py"
    lines += [*(f"    {line}" for line in work.splitlines()), f"program.run(work{options})", ""]
    script.write_text("\n".join(lines))
    return [sys.executable, str(script)]


def done(work, tmp_path, **environment):
    """Its standard output, standard error and exit status."""
    run = subprocess.run(
        script_of(work, tmp_path), env=os.environ | environment, capture_output=True, text=True, check=False
    )
    return run.stdout, run.stderr, run.returncode


@pytest.mark.parametrize("wait_s", [0, 0.2, 0.9])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_ctrl_c_while_it_imports_ends_a_command_at_once(command, wait_s, tmp_path):
    given = [sys.executable, "-c", BEGUN, *command]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": tmp_path}
    with subprocess.Popen(given, **pipes) as started:
        started.stdout.readline()
        time.sleep(wait_s)
        started.send_signal(signal.SIGINT)
        try:
            _, errors = started.communicate(timeout=10)
        finally:
            started.kill()  # one that has not received the signal is waited for otherwise
    assert started.returncode == 130
    assert len(errors.splitlines()) <= 1
    assert "Traceback" not in errors


@pytest.mark.parametrize(("options", "goes_on"), [("", False), (", goes_on=True", True)])
def test_after_ctrl_c_only_a_command_that_keeps_what_it_finished_says_so(options, goes_on, tmp_path):
    script = script_of("os.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)", tmp_path, options)
    run = subprocess.run(script, capture_output=True, text=True, check=False)
    assert run.returncode == 130
    assert ("the same command continues from" in run.stderr) == goes_on


def test_ctrl_c_that_another_exception_hides_is_ctrl_c(tmp_path):
    work = (
        "try:\n    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(9)\nfinally:\n    raise RuntimeError from None"
    )
    _, errors, status = done(work, tmp_path)
    assert status == 130
    assert len(errors.splitlines()) == 1


def test_ctrl_c_in_an_import_is_no_failed_import(tmp_path):
    (tmp_path / "package.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nfor _ in 'ab': pass\n"
    )
    work = "try:\n    import package\nexcept BaseException:\n    raise ImportError('initialization failed') from None"
    assert done(work, tmp_path) == ("", "", 130)


def test_ctrl_c_that_nohup_ignores_stays_ignored(tmp_path):
    script = script_of("os.kill(os.getpid(), signal.SIGINT); print('on')", tmp_path)
    ignoring = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    )
    run = subprocess.run([sys.executable, "-c", ignoring, *script], capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr, run.returncode) == ("on\n", "", 0)


def test_output_that_is_read_no_further_ends_a_command_quietly(tmp_path):
    script = script_of("[print('x' * 1000) for _ in range(1000)]", tmp_path)
    with subprocess.Popen(script, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        started.stdout.readline()
        started.stdout.close()
        assert started.stderr.read() == b""
    assert started.returncode == 141


def test_an_empty_environment_is_enough(tmp_path):
    given = {name: os.environ[name] for name in ("PYTHONPATH", "SYSTEMROOT") if name in os.environ}
    script = script_of("import lhotse; print(os.environ['PATH'].startswith(os.defpath))", tmp_path)
    run = subprocess.run(script, env=given, capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("True\n", "")


def test_importing_lightning_leaves_nothing_in_the_temporary_folder(tmp_path):
    (tmp_path / "temporary").mkdir()
    work = "import pytorch_lightning, torch._dynamo.package; print('imported')"
    assert done(work, tmp_path, TMPDIR=str(tmp_path / "temporary"))[0] == "imported\n"
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize(
    ("end", "status"), [("pass", 0), ("raise ValueError('wrong')", 2), ("raise KeyboardInterrupt", 130)]
)
def test_ctrl_c_at_the_end_leaves_nothing_unremoved(tmp_path, end, status):
    late = f"os.kill(os.getpid(), signal.SIGINT), time.sleep(0.01), open({str(tmp_path / 'removed')!r}, 'w').close()"
    _, error, found = done(f"import atexit; atexit.register(lambda: ({late})); {end}", tmp_path)
    assert (found, "Traceback" in error, (tmp_path / "removed").is_file()) == (status, False, True)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_output_is_no_fault(tmp_path, closed):
    script = script_of("sys.stdout.write('x'); sys.stderr.write('y'); open('done', 'w').close()", tmp_path)
    run = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *script], cwd=tmp_path, capture_output=True, check=False
    )
    assert run.returncode == 0
    assert b"Traceback" not in run.stderr
    assert (tmp_path / "done").is_file()


def test_a_letter_that_the_terminal_lacks_is_shown_escaped(tmp_path):
    work = "print('Zo\\u00eb'); raise ValueError('no Zo\\u00eb')"
    assert done(work, tmp_path, PYTHONIOENCODING="ascii") == ("Zo\\xeb\n", "error: no Zo\\xeb\n", 2)


def test_a_warning_is_one_line_of_this_program(tmp_path):
    shown = "warning: Ann and Anne are homophones\n"
    assert done("warnings.warn('Ann and Anne are homophones')", tmp_path) == ("", shown, 0)


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        ("MemoryError()", ""),
        (
            "ImportError('libtorch_cpu.so: failed to map segment from shared object')",
            " (libtorch_cpu.so: failed to map ",
        ),
        (
            "RuntimeError('[enforce fail] DefaultCPUAllocator: can\\'t allocate memory: 9 bytes')",
            " ([enforce fail] Default",
        ),
    ],
)
def test_too_little_memory_is_one_line(raised, reason, capsys):
    def work():
        raise eval(raised)

    with pytest.raises(SystemExit, match=r"^2$"):
        program.explained(work)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: too little memory{reason}")
    assert line.endswith(": end other programs, or raise the limit (ulimit -v)")


def test_a_fault_of_its_own_has_a_traceback(tmp_path):
    _, errors, status = done("raise RuntimeError('of its own')", tmp_path)
    assert errors.startswith("Traceback")
    assert status == 1
