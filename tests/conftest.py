import os
import signal

import hypothesis
import numpy as np
import pytest
import torch

from speech.audio import files
from speech.config import tree
from speech.export import export
from speech.model.recognizer import Recognizer
from speech.text.alphabet import Alphabet
from speech.training.interruption import Interrupted
from speech.training.run import train
from speech.training.task import SpellingTask
from speech.tts.espeak import Espeak
from speech.tts.voice import Voice

# The same examples every time, and no clock: a test that fails on one machine fails on all.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("steady")

LETTERS = Alphabet().letters
FRONTENDS = {
    "mfcc": {"_target_": "speech.model.frontend.FrontEnd", "n_mfcc": 20},
    "mfcc_delta": {"_target_": "speech.model.frontend.FrontEnd", "n_mfcc": 13, "n_deltas": 2},
    "logmel": {"_target_": "speech.model.frontend.FrontEnd", "n_mfcc": None, "n_prior_frames": 30},
}
SMALL = [  # a corpus and a network that train in a second
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


def train_until(step, config):
    """A training that a signal stops after ``step`` steps, its state saved."""

    def interrupt(task, *_):
        if task.global_step == step:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(SpellingTask, "on_train_batch_end", interrupt)
        with pytest.raises(Interrupted):
            train(config)


@pytest.fixture(scope="session", autouse=True)
def one_thread_a_worker():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def compose(cache):
    """A config as it comes from the command line, checked."""

    def make(name, *overrides):
        arguments = [
            *overrides,
            *([f"cache_dir={cache}"] if name in ("train", "evaluate", "calibrate", "lesson") else []),
        ]
        return tree.compose(name, arguments)

    return make


@pytest.fixture(scope="session")
def small_run(compose, tmp_path_factory):
    """The folder of a small training that ran through."""
    run_dir = tmp_path_factory.mktemp("runs") / "small"
    train(compose("train", *SMALL, f"run_dir={run_dir}"))
    return run_dir


@pytest.fixture(scope="session")
def open_run(compose, tmp_path_factory):
    """The folder of a small training of letters and phones without a list of names."""
    run_dir = tmp_path_factory.mktemp("runs") / "open"
    words = ["corpus.names=[]", "corpus.words.n=12", "corpus.words.exclude=[Martin]", "corpus.n_held=4"]
    words += ["corpus.n_train_words=1", "phones=true", "trainer.max_epochs=2"]
    train(compose("train", "corpus=words", *SMALL, *words, f"run_dir={run_dir}"))
    return run_dir


@pytest.fixture(scope="session")
def recordings(tmp_path_factory):
    """A folder of recordings, two digits said by five speakers twice each."""
    root = tmp_path_factory.mktemp("recordings")
    engine = Espeak()
    for digit in ("one", "two"):
        for variant in ("f1", "f2", "m1", "m2", "m3"):
            for take in range(2):
                path = root / digit / f"{variant}_{take}.wav"
                path.parent.mkdir(exist_ok=True)
                samples, rate = engine.speak(digit, Voice("espeak", "en-US", variant), np.random.default_rng(take))
                files.write(path, files.to_waveform(samples, rate, 8_000), 8_000)
    return root


@pytest.fixture(scope="session")
def make_recognizer():
    """A recogniser of random weights, its parts changed at will."""

    def make(frontend="mfcc", decoder="Greedy", names=("Martin", "Mark"), letters=LETTERS, phones=False, **encoder):
        torch.manual_seed(0)
        parts = {
            "alphabet": letters,
            "phones": phones,
            "frontend": FRONTENDS[frontend],
            "encoder": {"_target_": "speech.model.encoder.Encoder", **encoder},
            "decoder": {"_target_": f"speech.inference.decode.{decoder}"},
        }
        recognizer = Recognizer(parts, names).eval()
        recognizer.frontend.fit_cmvn_prior([(torch.randn(2, 16_000) / 10, torch.tensor([16_000, 8_000]))])
        return recognizer

    return make


@pytest.fixture(scope="session")
def small_export(small_run, compose, cache, tmp_path_factory):
    """The folder of that run's exported files."""
    output = tmp_path_factory.mktemp("exported")
    with pytest.MonkeyPatch.context() as patched:
        # What was trained for a second wavers between letters: rounding may tip one of its four clips.
        patched.setattr("speech.evaluation.parity.LEAST_SAME", 0.5)
        export(compose("export", f"run={small_run}", f"output={output}", f"cache_dir={cache}"))
    return output
