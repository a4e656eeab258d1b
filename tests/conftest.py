"""Fixtures of the whole suite. What is trained is trained once a run of the suite, by whichever worker needs it first.

What takes seconds to import is imported where it is used: a test of text waits neither for torch nor for Lightning.
"""

import functools
import gc
import logging
import os
import shutil
import signal
import sys
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # torch's and numpy's, read as they are imported: the workers share the cores

import hypothesis
import numpy as np
import pytest
from commands import run_command
from filelock import FileLock
from spoken import speak

from speech.audio import files
from speech.common import processes
from speech.config import compose as configs

# The same examples every time, and no clock: a test that fails on one machine fails on all.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("steady")

DRAWN = [  # a corpus and a network that train in a second, and every picture of them, which takes longer
    "corpus.names=[Martin,Mark]",
    "corpus.n_train=6",
    "corpus.n_val=1",
    "corpus.n_test=1",
    "batch_size=4",
    "encoder.n_units=16",
    "trainer.max_epochs=3",
    "trainer.log_every_n_steps=1",
    "+trainer.enable_progress_bar=false",
    "callbacks.times.every_n_steps=4",
]
PICTURES = ("ranking", "alignment", "lattice", "attribution", "histograms", "embedding")
SMALL = [*DRAWN, *(f"callbacks.{name}=null" for name in PICTURES)]
SLOW = (Path(__file__).parent / "slow.txt").read_text(encoding="utf-8").splitlines()


def pytest_collection_modifyitems(items):
    """Mark ``slow`` what needs a trained run, or is listed in slow.txt."""
    for item in items:
        if "trained" in item.fixturenames or item.nodeid.partition("[")[0] in SLOW:
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish():
    """Do not search what was imported again: a full garbage collection of a million objects took 0.7 s."""
    gc.freeze()
    gc.set_threshold(700, 10, 100)


@pytest.fixture(scope="session", autouse=True)
def commands_can_be_forked():
    """Autograd chooses its threads in its first backward pass. If an export to ONNX came before it, they would be more
    than this one, and a process that is forked from this one could not train."""
    if torch := sys.modules.get("torch"):
        torch.ones(1, requires_grad=True).backward()


@pytest.fixture(autouse=True)
def process_as_it_was():
    """What a command changes in its process, it changes for no other test: handlers of signals, logging."""
    handlers = {number: signal.getsignal(number) for number in processes.GROUP_SIGNALS}
    enabled = [one for one in logging.root.manager.loggerDict.values() if not getattr(one, "disabled", True)]
    level = logging.root.level
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    for logger in enabled:
        logger.disabled = False  # by Hydra's logging, which is another's
    logging.root.setLevel(level)


def refuse_autograd(patched):
    """Let autograd fail where it is asked for a gradient."""
    import torch

    def refuse(*_, **__):
        raise AssertionError("autograd was asked for a gradient")

    for owner, name in (torch.autograd, "backward"), (torch.autograd, "grad"), (torch.Tensor, "backward"):
        patched.setattr(owner, name, refuse)
    with pytest.raises(AssertionError, match="autograd was asked"):
        torch.ones(1, requires_grad=True).sum().backward()


@pytest.fixture
def no_autograd(monkeypatch):
    refuse_autograd(monkeypatch)


def train_until(step, config):
    """A training that a signal stops after ``step`` steps, its state saved."""
    from speech.training.interruption import Interrupted
    from speech.training.run import train
    from speech.training.task import SpellingTask

    def interrupt(task, *_):
        if task.global_step == step:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(SpellingTask, "on_train_batch_end", interrupt)
        with pytest.raises(Interrupted):
            train(config)


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """``shared(name, make)``: a folder that ``make(folder)`` fills once a run of the suite, for all workers."""
    root = tmp_path_factory.getbasetemp()
    root = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "shared"
    root.mkdir(exist_ok=True)

    def made(name, make):
        folder, whole = root / name, root / f"{name}.whole"
        with FileLock(root / f"{name}.lock"):
            if not whole.exists():
                shutil.rmtree(folder, ignore_errors=True)  # of a worker that failed
                folder.mkdir()
                make(folder)
                whole.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def cache(shared):
    return shared("cache", lambda folder: None)


@pytest.fixture(scope="session")
def compose(cache):
    """A config as it comes from the command line, checked."""

    def make(name, *overrides):
        cached = [f"cache_dir={cache}"] if name in ("train", "evaluate", "calibrate", "lesson") else []
        return configs.compose(name, [*overrides, *cached])

    return make


@pytest.fixture(scope="session")
def trained(shared, compose):
    """``trained(name, *overrides)``: the folder of that training, which is run once."""
    from speech.training.run import train

    return lambda name, *overrides: shared(
        name, lambda folder: train(compose("train", *overrides, f"run_dir={folder}"))
    )


@pytest.fixture(scope="session")
def small_run(trained):
    """The folder of a small training that ran through."""
    return trained("small_run", *DRAWN)


@pytest.fixture(scope="session")
def open_run(trained):
    """The folder of a small training of letters and phones without a list of names."""
    words = ["corpus.names=[]", "corpus.words.n=12", "corpus.words.exclude=[Martin]", "corpus.n_held=4"]
    words += ["corpus.n_train_words=1", "phones=true", "trainer.max_epochs=2"]
    return trained("open_run", "corpus=words", *SMALL, *words)


@pytest.fixture(scope="session")
def small_export(small_run, shared, cache):
    """The folder of that run's exported files."""

    def make(folder):
        with pytest.MonkeyPatch.context() as patched:
            # What was trained for a second wavers between letters: rounding may tip one of its four clips.
            patched.setattr("speech.evaluation.parity.LEAST_SAME", 0.5)
            run_command("export", f"run={small_run}", f"output={folder}", f"cache_dir={cache}")

    return shared("small_export", make)


@pytest.fixture(scope="session")
def recordings(shared):
    """A folder of recordings, two digits said by five speakers twice each."""

    def make(root):
        for digit in ("one", "two"):
            (root / digit).mkdir()
            for variant in ("f1", "f2", "m1", "m2", "m3"):
                for take in range(2):
                    samples, rate = speak(digit, variant, draw=take)
                    files.write(root / digit / f"{variant}_{take}.wav", files.to_waveform(samples, rate, 8_000), 8_000)

    return shared("recordings", make)


@functools.cache
def part(name, *overrides):
    return configs.plain(configs.compose("train", list(overrides))[name])


@pytest.fixture(scope="session")
def make_recognizer():
    """A recogniser of random weights, its parts changed at will."""
    import torch

    from speech.model.recognizer import Recognizer

    def make(frontend="mfcc", decoder="greedy", names=("Martin", "Mark"), letters=None, phones=False, **encoder):
        torch.manual_seed(0)
        parts = {
            "alphabet": letters or part("alphabet"),
            "phones": phones,
            "frontend": part("frontend", f"frontend={frontend}"),
            "encoder": part("encoder", "encoder=gru") | encoder,
            "decoder": part("decoder", f"decoder={decoder}"),
        }
        recognizer = Recognizer(parts, names).eval()
        recognizer.frontend.fit_cmvn_prior([(torch.randn(2, 16_000) / 10, torch.tensor([16_000, 8_000]))])
        return recognizer

    return make


@pytest.fixture(scope="session")
def runtime():
    from speech import Runtime

    return Runtime.load()


@pytest.fixture(scope="session")
def recognition(runtime):
    """What the servers' tests serve: a short list."""
    from speech.server.limits import Limits
    from speech.server.recognition import Recognition

    return Recognition(
        runtime, runtime.lexicon(["one", "two"]), Limits(n_bytes=200_000, n_event_bytes=100_000, patience_s=20.0)
    )


@pytest.fixture(scope="session")
def strict(runtime):
    """The same without a list, and little of everything."""
    from speech.server.limits import Limits
    from speech.server.recognition import Recognition

    return Recognition(
        runtime, runtime.lexicon(), Limits(n_bytes=50_000, n_event_bytes=50_000, n_clients=2, patience_s=0.2)
    )


@pytest.fixture(scope="session")
def said(recordings):
    """``said("one")``: a name at 16 kHz between two silences, and its PCM at any rate and with any channels."""

    def of(name, rate=16_000, channels=1):
        waveform = np.pad(files.read(recordings / name / "f1_0.wav", 16_000), (8_000, 16_000))
        if rate != 16_000:
            import soxr

            waveform = soxr.resample(waveform, 16_000, rate)
        samples = (waveform * 32_767).round().astype("<i2")
        return np.repeat(samples, channels).tobytes()

    return of
