"""Several processes that train together end as one process with their batches together would."""

import csv
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import pytest
import torch
from commands import run_command, start
from conftest import SMALL, train_until
from training.test_run import again, same_weights
from training.test_run_on_shards import CORPUS, OTHERS

from speech.common import trust
from speech.config.compose import saved
from speech.training.run import train

# 9 training clips, 4 a step: of the last step one process has none; 9 validation clips, and 9 of either test
UNEVEN = ["corpus.names=[Martin,Mark,Anna]", *(f"corpus.n_{split}=3" for split in ("train", "val", "test"))]
UNEVEN += ["augment=none", "logger=csv", "trainer.precision=64-true", "trainer.max_epochs=2"]
OPTIONS = [one for one in SMALL if one.partition("=")[0] not in {more.partition("=")[0] for more in UNEVEN}]
OPTIONS = [one for one in OPTIONS if not one.startswith("batch_size")] + UNEVEN


@pytest.fixture(autouse=True, scope="module")
def imported_once():
    """The other processes of a training in this one are forked from one that has imported what they need.

    They are spawned elsewhere, so in what ``start`` begins: each of them imports for four seconds.
    """
    server, own, this = multiprocessing.get_context("forkserver"), multiprocessing.get_context, os.getpid()
    server.set_forkserver_preload(["speech.training.run"])

    def get_context(method=None):
        return server if method == "spawn" and os.getpid() == this else own(method)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(multiprocessing, "get_context", get_context)
        yield


def curves(run):
    with next(run.glob("csv/**/metrics.csv")).open() as file:
        rows = list(csv.DictReader(file))
    wanted = [key for key in rows[0] if key.startswith(("train/", "val/", "gradient/"))]
    return {key: [float(row[key]) for row in rows if row[key]] for key in wanted}


@pytest.fixture(scope="module")
def one(trained):
    """The folder of a training in one process."""
    return trained("one_process", *OPTIONS, "batch_size=4")


@pytest.fixture(scope="module")
def two(trained):
    """The folder of the same in two."""
    return trained("two_processes", *OPTIONS, "batch_size=2", "trainer=ddp")


def test_two_processes_train_as_one_with_the_doubled_batch(one, two):
    ours, theirs = curves(two), curves(one)
    assert len(theirs["train/loss_step"]) == 6
    for key, values in theirs.items():
        assert ours[key] == pytest.approx(values, abs=1e-5), key


def test_the_processes_evaluate_each_clip_once_and_one_writes_the_report(one, two):
    ours, theirs = (json.loads((run / "report.json").read_text()) for run in (two, one))
    for split, scores in theirs["splits"].items():
        assert ours["splits"][split]["n_clips"] == scores["n_clips"]
        assert ours["splits"][split]["cer"] == pytest.approx(scores["cer"])
    assert len((two / "hypotheses.jsonl").read_text().splitlines()) == 2
    assert sorted(path.name for path in two.iterdir()) == sorted(path.name for path in one.iterdir())


def test_on_shards_both_stop_at_one_step_and_resume_bit_identically(trained, shared, cache, tmp_path):
    corpus = [*CORPUS, "shard_size=3", f"cache_dir={cache}"]
    shards = shared("shards", lambda folder: run_command("shard", *corpus, f"output={folder}"))
    options = [*OTHERS, "corpus=shar", f"corpus.folder={shards}", "trainer=ddp", "batch_size=2", "encoder.dropout=0.3"]
    whole = trained("two_processes_on_shards", *options)
    train_until(5, again(whole, tmp_path))
    assert torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 5
    train(saved(tmp_path, "train"), resume=True)
    assert same_weights(tmp_path, whole)


def test_a_sweep_has_several_processes_in_each_of_its_jobs(tmp_path, cache):
    options = [one for one in SMALL if not one.startswith("trainer.max_epochs")]
    options += ["trainer=ddp", "batch_size=2", "trainer.max_epochs=1", f"cache_dir={cache}", f"runs_dir={tmp_path}"]
    run_command("train", "-m", "optimizer.lr=0.001,0.002", "init=null", *options)
    assert len(list(tmp_path.glob("sweep_*/*/recognizer.pt"))) == 2


def test_an_error_in_another_process_is_told_in_a_line(compose, tmp_path):
    options = ["trainer=ddp", "callbacks=find_lr", "callbacks.find_learning_rate.n_steps=2"]
    with pytest.raises(ValueError, match=r"^callbacks=find_lr: no learning rate from \d+ steps?: give more steps"):
        train(compose("train", *SMALL, *options, f"run_dir={tmp_path}"))


CALLBACK = """
import pytorch_lightning as pl

class Raises(pl.Callback):
    def __init__(self, hook, rank):
        def raises(trainer, *_, **__):
            if trainer.global_rank == rank:
                raise KeyError(f"{rank} in {hook}")
        setattr(self, hook, raises)
"""


HOOKS = ["on_train_start", "on_train_batch_end", "on_validation_end", "on_train_end"]


@pytest.mark.parametrize(
    ("trainer", "rank", "hook"),
    [*(("cpu", 0, hook) for hook in HOOKS), *(("ddp", i % 2, hook) for i, hook in enumerate(HOOKS))],
)
def test_a_callback_that_raises_ends_every_process(trainer, rank, hook, compose, tmp_path, monkeypatch):
    (tmp_path / "raises_in_hook.py").write_text(CALLBACK)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(trust, "_packages", set())
    temporary = tempfile.mkdtemp()  # pytest's is too long for sockets
    monkeypatch.setattr(tempfile, "tempdir", temporary)
    own = ["trust=[raises_in_hook]", "+callbacks.own._target_=raises_in_hook.Raises", f"+callbacks.own.hook={hook}"]
    own += [f"+callbacks.own.rank={rank}", f"trainer={trainer}", "trainer.max_epochs=1"]
    with pytest.raises((KeyError, RuntimeError), match=f"{rank} in {hook}"):
        train(compose("train", *SMALL, *own, f"run_dir={tmp_path / 'run'}"))
    assert multiprocessing.active_children() == []
    left = [path.name for path in Path(temporary).iterdir()]
    assert [name for name in left if not name.startswith("espeak-")] == [], "espeak's is this process's"


def others_of(pid):
    """The processes that process ``pid`` trains with."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def lives(pid):
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def wait_until(true, seconds):
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it hangs"
        time.sleep(0.1)


@pytest.mark.skipif(sys.platform != "linux", reason="the processes are looked for in /proc")
@pytest.mark.parametrize(
    ("told", "number", "status"),
    [
        ("other", signal.SIGTERM, 130),
        ("all", signal.SIGTERM, 130),
        ("other", signal.SIGKILL, 2),
        ("first", signal.SIGKILL, -9),
    ],
)
def test_a_signal_to_any_ends_all_and_leaves_a_whole_checkpoint(told, number, status, tmp_path, cache):
    run = tmp_path / "run"
    options = [one for one in SMALL if not one.startswith("trainer.max_epochs")]
    options += ["trainer=ddp", "trainer.max_epochs=100000", "callbacks.stop_early=null", "batch_size=2"]
    first = start("train", "init=null", *options, f"run_dir={run}", f"cache_dir={cache}", cwd=tmp_path)
    try:
        wait_until((run / "checkpoints" / "last.ckpt").exists, 600)
        others = others_of(first.pid)
        assert len(others) == 1
        for pid in {"first": [first.pid], "other": others, "all": [first.pid, *others]}[told]:
            os.kill(pid, number)
        assert first.ended(120) == status, first.errors
        wait_until(lambda: not any(map(lives, others)), 120)
    finally:
        if first.poll() is None:
            first.kill()
    if status == 130:
        assert f"continue with: python -m speech.train resume={run}" in first.output
    elif status == 2:
        assert first.errors.splitlines()[-1].startswith(
            "error: process 1 of 2 ended by signal 9 (was there too little memory?)"
        )
    assert torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] > 0
