"""Sweeps: Optuna's sweeper, whatever stops it, and what a job's fault does to the others."""

import importlib.util
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus

from speech.common import storage
from speech.config import command

needs_optuna = pytest.mark.skipif(
    importlib.util.find_spec("optuna") is None, reason="needs optuna: pip install '.[sweep]'"
)
SEARCH = ["hydra/sweeper=optuna", "optimizer.lr=tag(log,interval(0.001,0.01))", "encoder.n_units=range(32,64,8)"]


@pytest.fixture
def sweep(monkeypatch, tmp_path):
    """``sweep(job, *arguments)``: what a sweep whose jobs are ``job(config, number)`` ran, by the number of the job."""
    monkeypatch.chdir(tmp_path)

    def make(job, *arguments, after_sweep=None):
        ran = {}

        def main(config):
            number = int(config.run_dir.rpartition("/")[2])
            ran[number] = config
            return job(config, number)

        quiet = ["hydra/hydra_logging=disabled", "hydra/job_logging=disabled"]  # or handlers outlive capsys's streams
        monkeypatch.setattr(sys, "argv", ["train", "-m", "hydra.sweep.dir=s", *quiet, *arguments])
        try:
            command.run("train", main, after_sweep=after_sweep)
        except SystemExit as ended:
            ran["status"] = ended.code
        return ran

    return make


class Launcher:
    """Runs a batch's jobs here, until ``last`` is to be run: then the process is killed."""

    def __init__(self, last=None):
        self.last, self.ran = last, {}

    def launch(self, jobs, initial_job_idx):
        done = []
        for number, overrides in enumerate(jobs, initial_job_idx):
            if number == self.last:
                raise KeyboardInterrupt
            self.ran[number] = overrides
            lr, dropout = (float(one.partition("=")[2]) for one in overrides if "lr" in one or "dropout" in one)
            done.append(JobReturn(status=JobStatus.COMPLETED, _return_value=abs(lr - 0.004) + dropout))
        return done


def search(folder, n_trials, n_jobs, last=None):
    """What a search in ``folder`` ran, by the number of the job; ``last`` is the job in which it is killed."""
    import hydra_plugins.speech_optuna as plugin

    sweeper = plugin.OptunaSweeper(n_trials, n_jobs, seed=5, params={"augment": "light,none"})
    sweeper._folder, sweeper._parser, sweeper._launcher = folder, OverridesParser.create(), Launcher(last)
    with pytest.raises(KeyboardInterrupt) if last is not None else nullcontext():
        sweeper.sweep([*SEARCH, "encoder.dropout=interval(0.0,0.3)", "seed=7"])
    return sweeper._launcher.ran


@needs_optuna
@pytest.mark.parametrize("n_jobs", [1, 3])
def test_a_search_killed_in_any_job_ends_as_one_that_was_not(tmp_path, n_jobs):
    whole = search(tmp_path / "whole", 13, n_jobs)
    assert list(whole) == list(range(13))
    assert len(set(map(tuple, whole.values()))) == 13, "no trial is drawn twice"
    values = [dict(one.split("=") for one in overrides) for overrides in whole.values()]
    assert {one["encoder.n_units"] for one in values} <= {"32", "40", "48", "56"}
    assert {one["augment"] for one in values} == {"light", "none"}
    assert all(0.001 <= float(one["optimizer.lr"]) <= 0.01 and one["seed"] == "7" for one in values)

    begun = []
    for last in (0, 4, 11, None):
        part = search(tmp_path / "killed", 13, n_jobs, last)
        assert part.items() <= whole.items()
        begun += [min(part, default=None)]
    assert begun == ([None, 0, 4, 11] if n_jobs == 1 else [None, 0, 3, 9]), "a batch is launched again as it was"
    assert search(tmp_path / "killed", 13, n_jobs) == {}, "its total of jobs is done"
    assert list(search(tmp_path / "killed", 14, n_jobs)) == [13]


def test_results_decide_what_is_drawn_after_the_first_ten(tmp_path, monkeypatch):
    pytest.importorskip("optuna", reason="needs optuna: pip install '.[sweep]'")
    ours = search(tmp_path / "ours", 12, 1)
    monkeypatch.setattr(JobReturn, "return_value", property(lambda one: -one._return_value))
    theirs = search(tmp_path / "theirs", 12, 1)
    assert list(ours.values())[:10] == list(theirs.values())[:10]
    assert ours[11] != theirs[11]


def off_004(config, _number):
    return abs(config.optimizer.lr - 0.004)


@needs_optuna
def test_a_search_of_other_values_in_its_folder_is_refused(sweep, capsys):
    sweep(off_004, *SEARCH, "hydra.sweeper.n_trials=1")
    for others in ([*SEARCH, "batch_size=7"], [*SEARCH, "optimizer.lr=interval(0.001,0.1)"]):
        assert sweep(off_004, *others, "hydra.sweeper.n_trials=2") == {"status": 2}
        assert "it contains a sweep over other values" in capsys.readouterr().err
    assert sweep(off_004, "hydra/sweeper=optuna") == {"status": 2}
    assert "nothing to search: give a range, such as optimizer.lr=" in capsys.readouterr().err
    for wrong in ("n_jobs=0", "n_trials=abc"):
        assert sweep(off_004, *SEARCH, f"hydra.sweeper.{wrong}") == {"status": 2}
        assert f"hydra.sweeper.{wrong} must be an integer from 1 to " in capsys.readouterr().err


@needs_optuna
@pytest.mark.parametrize("spoil", [lambda _: b"no study", lambda whole: whole[:5_000], lambda whole: whole[:-4_096]])
def test_a_damaged_study_is_told_and_deleted_the_sweep_goes_on(sweep, capsys, spoil):
    search = [*SEARCH, "hydra.sweeper.n_trials=1"]
    whole, study = sweep(off_004, *search), Path("s/optuna.db")
    study.write_bytes(spoil(study.read_bytes()))
    assert sweep(off_004, *search) == {"status": 2}
    assert f"error: {study}: damaged, or not writable (" in capsys.readouterr().err
    study.unlink()
    assert sweep(off_004, *search) == whole


def test_a_sweep_in_whose_folder_another_one_runs_is_refused(sweep, capsys):
    lock = storage.claim(Path("s"), "another")
    assert sweep(off_004, "seed=1,2") == {"status": 2}
    assert capsys.readouterr().err.endswith("error: s: a sweep is writing there: wait until it ends, or stop it\n")
    lock.release()
    assert sweep(off_004, "seed=1,2").keys() == {0, 1}


@needs_optuna
def test_a_trial_that_fails_counts_but_not_where_each_does(sweep, capsys):
    def fails(*numbers):
        def job(config, number):
            if number in numbers:
                raise FileNotFoundError(f"job {number}: no such folder")
            return off_004(config, number)

        return job

    total = [*SEARCH, "hydra.sweeper.n_trials=3"]
    assert list(sweep(fails(0, 1, 2), *total)) == [0, "status"], "what is wrong with the first is so with all"
    assert "error: job 0: no such folder" in capsys.readouterr().err
    assert list(sweep(fails(1), *total)) == [0, 1, 2]
    assert "error: job 1: no such folder" in capsys.readouterr().err
    assert not sweep(fails(), *total)


def test_a_job_that_fails_leaves_the_others_and_is_told_at_the_end(sweep, capsys):
    def job(config, number):
        if number == 1:
            raise FileNotFoundError("clips: no such folder")
        return 0.5

    ran = sweep(job, "optimizer.lr=0.001,0.002,0.003")
    assert list(ran) == [0, 1, 2, "status"]
    assert ran["status"] == 2
    lines = capsys.readouterr().err.splitlines()
    (failed,) = (line for line in lines if line.startswith("Error executing job"))
    assert "optimizer.lr=0.002" in failed
    assert lines[-1] == "error: clips: no such folder"


def test_a_fault_of_ones_own_code_in_a_job_is_raised_after_the_table(sweep, capsys):
    ran, tables = [], []

    def job(config, number):
        ran.append(number)
        return 0.5 / (number - 1)

    with pytest.raises(ZeroDivisionError):
        sweep(job, "optimizer.lr=0.001,0.002,0.003", after_sweep=tables.append)
    assert (ran, tables) == ([0, 1, 2], ["s"])


@needs_optuna
def test_a_fault_of_ones_own_code_is_a_failed_trial(sweep, capsys):
    def job(config, number):
        return 0.5 / (number - 1)

    assert list(sweep(job, *SEARCH, "hydra.sweeper.n_trials=3")) == [0, 1, 2]
    assert "error: ZeroDivisionError: float division by zero" in capsys.readouterr().err


def test_a_launcher_that_is_not_installed_is_named_with_the_way_out(sweep, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "hydra_plugins.hydra_joblib_launcher", None)
    assert sweep(off_004, "hydra/launcher=joblib", "seed=1,2") == {"status": 2}
    assert "pip install hydra-joblib-launcher" in capsys.readouterr().err


def test_values_between_two_ends_are_taken_beside_configs_of_ones_own(sweep, tmp_path, capsys):
    (tmp_path / "mine" / "experiment").mkdir(parents=True)
    assert sweep(off_004, "seed=range(1,3)", "--config-dir", str(tmp_path / "mine")).keys() == {0, 1}
