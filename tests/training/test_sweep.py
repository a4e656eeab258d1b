"""A sweep of real trainings: killed and gone on with, and by launchers that run several jobs at once."""

import importlib.util
import json
import math
import shutil
import subprocess
import sys
import time

import pytest
from commands import run_command, start
from conftest import SMALL

from speech.config.compose import plain
from speech.evaluation.sweep import Job
from speech.training.sweep import train_job

LAUNCHERS = {"joblib": "joblib_launcher", "submitit_local": "submitit_launcher"}


def rows_of(folder):
    """The table without what a clock measured."""
    jobs = json.loads((folder / "sweep.json").read_text())["jobs"]
    return [{key: value for key, value in job.items() if key != "train_seconds"} for job in jobs]


@pytest.mark.skipif(importlib.util.find_spec("optuna") is None, reason="needs optuna: pip install '.[sweep]'")
def test_a_killed_search_goes_on_to_the_table_of_one_that_was_not(cache, tmp_path, capsys):
    search = ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=2", "optimizer.lr=tag(log,interval(0.001,0.01))"]
    common = [*search, "init=null", "logger=none", *SMALL, f"cache_dir={cache}"]
    run_command("train", "-m", *common, f"hydra.sweep.dir={tmp_path / 'whole'}")
    table = capsys.readouterr().out.partition("job  optimizer.lr")[2].splitlines()
    assert [line.split()[0] for line in table[1:3]] == ["0", "1"]

    killed = tmp_path / "killed"
    process = start("train", "-m", *common, f"hydra.sweep.dir={killed}", cwd=tmp_path)
    begun = killed / "1" / "checkpoints" / "last.ckpt"
    while process.poll() is None and not begun.is_file():
        time.sleep(0.01)
    process.kill()
    process.ended(60)
    assert begun.is_file()
    assert not (killed / "1" / "recognizer.pt").exists(), "it was killed in its second job"
    assert not (killed / "sweep.json").exists()
    first = (killed / "0" / "recognizer.pt").stat()

    run_command("train", "-m", *common, f"hydra.sweep.dir={killed}")
    assert (killed / "0" / "recognizer.pt").stat() == first, "a job that was done is not run again"
    assert sorted(path.name for path in killed.iterdir() if path.name.isdigit()) == ["0", "1"]
    assert rows_of(killed) == rows_of(tmp_path / "whole")


def test_a_job_is_run_once_and_its_folder_is_no_other_jobs(compose, tmp_path, small_run, monkeypatch):
    def config(*more):
        return compose("train", *SMALL, f"run_dir={tmp_path}", *more)

    trained = []
    monkeypatch.setattr("speech.training.sweep.train", lambda config, resume=False: trained.append(resume) or 0.25)
    assert train_job(config()) == 0.25
    assert train_job(config()) == 0.25
    assert trained == [False]
    with pytest.raises(ValueError, match=r"it contains a job with other values \(seed\)"):
        train_job(config("seed=3"))
    (tmp_path / "job.json").write_text((tmp_path / "job.json").read_text().replace("0.25", "null"))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.ckpt").touch()
    (tmp_path / "config.yaml").write_text((small_run / "config.yaml").read_text())
    assert train_job(config()) == 0.25
    assert trained == [False, True], "what was begun is continued"


def test_a_job_that_was_not_validated_has_ended_all_the_same(compose, tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr("speech.training.sweep.train", lambda config, resume=False: trained.append(1) or float("nan"))
    config = compose("train", *SMALL, f"run_dir={tmp_path}")
    assert math.isnan(train_job(config))
    assert math.isnan(train_job(config))
    assert trained == [1]
    assert Job.read(tmp_path).ended


def test_a_job_of_a_sweep_that_was_moved_goes_on_where_it_is(compose, tmp_path, small_run, monkeypatch):
    monkeypatch.setattr("speech.training.sweep.train", lambda config, resume=False: float(config.run_dir == str(moved)))
    moved = tmp_path / "moved"
    shutil.copytree(small_run / "checkpoints", moved / "checkpoints")
    shutil.copy(small_run / "config.yaml", moved)
    config = compose("train", *SMALL, f"run_dir={moved}")
    Job(plain(config, resolve=False), None).write(moved)
    assert train_job(config) == 1.0


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_launchers_jobs_render_and_load_by_processes_of_their_own(launcher, tmp_path):
    """In joblib's processes no DataLoader can start a worker, nor a pool of ours, unless it is put right."""
    if importlib.util.find_spec(f"hydra_plugins.hydra_{LAUNCHERS[launcher]}") is None:
        pytest.skip("needs the launchers: pip install '.[sweep]'")
    rates = [0.001, 0.003] if launcher == "joblib" else [0.001]  # each job is another process that imports torch
    options = [*SMALL, "init=null", "corpus.n_train=100", "trainer=debug", "logger=none"]
    options.append(f"optimizer.lr={','.join(map(str, rates))}")
    options += [f"hydra/launcher={launcher}", "hydra.sweep.dir=sweep", f"cache_dir={tmp_path}"]
    # Not a fork: what joblib has to put away at its end is registered as it is imported.
    command = [sys.executable, "-m", "speech.train", "-m", *options]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    rows = rows_of(tmp_path / "sweep")
    assert [row["differs"] for row in rows] == ([{"optimizer.lr": rate} for rate in rates] if len(rates) > 1 else [{}])
    assert all(0 < row["val_cer"] <= 2 for row in rows)
