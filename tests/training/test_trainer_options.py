"""What Lightning brings, each by its config: the loggers, and the options of a training."""

import csv
import importlib.util
import json
import os
import signal
import sqlite3

import pytest
import torch
from commands import run_command
from conftest import SMALL, train_until
from training.test_run import again, same_weights

from speech.config.compose import saved
from speech.config.tree import ConfigError
from speech.model.recognizer import Recognizer
from speech.training.interruption import Interrupted
from speech.training.run import train
from speech.training.task import SpellingTask

PACKAGES = ("mlflow", "wandb")  # each a logger's name, too
REST = [option for option in SMALL if not option.startswith("trainer.")]  # how long it is follows from the trainer


def checkpoint(run_dir, name="last"):
    return torch.load(run_dir / "checkpoints" / f"{name}.ckpt", weights_only=True)


def same(ours, theirs):
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_csv_log_holds_the_curves_and_the_final_figures(compose, tmp_path, small_run, capsys):
    train(compose("train", *SMALL, "logger=csv", f"run_dir={tmp_path}"))
    rows = list(csv.DictReader((tmp_path / "csv" / "metrics.csv").open()))
    assert len([row for row in rows if row["train/loss_step"]]) == 9
    assert [row["step"] for row in rows if row["val/cer"]] == ["2", "5", "8"]
    report = json.loads((tmp_path / "report.json").read_text())
    assert float(rows[-1]["final/cer"]) == pytest.approx(report["overall"]["cer"]["value"])
    assert not (tmp_path / "tensorboard").exists()
    assert "TensorBoard" not in capsys.readouterr().out
    assert same_weights(tmp_path, small_run)
    hashes = [json.loads((run / "report.json").read_text())["config_sha256"] for run in (tmp_path, small_run)]
    assert hashes[0] == hashes[1], "where a run is logged changes no weight"


def test_without_a_log_a_run_ends_all_the_same(compose, tmp_path, small_run):
    train(compose("train", *SMALL, "logger=none", f"run_dir={tmp_path}"))
    assert (tmp_path / "report.json").is_file()
    assert not [path for path in tmp_path.iterdir() if "log" in path.name or path.name in ("tensorboard", "csv")]
    assert same_weights(tmp_path, small_run)


@pytest.mark.parametrize("logger", PACKAGES)
def test_a_logger_of_another_package_logs_offline_or_names_it(logger, cache, tmp_path, capsys):
    run = tmp_path / "runs" / "one"
    options = [*SMALL, "init=null", f"logger={logger}", f"cache_dir={cache}", f"runs_dir={run.parent}"]
    if importlib.util.find_spec(logger) is None:
        with pytest.raises(SystemExit):
            run_command("train", *options, f"run_dir={run}")
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert "pip install" in error
        assert logger in error
    elif logger == "wandb":
        run_command("train", *options, f"run_dir={run}")
        assert list(run.glob("wandb/offline-run-*/run-*.wandb"))
    else:
        run_command("train", *options, f"run_dir={run}")
        with sqlite3.connect(run.parent / "mlflow.db") as database:
            logged = {key for (key,) in database.execute("select key from latest_metrics")}
        assert {"val/cer", "final/cer", "train/loss_step"} <= logged


@pytest.mark.parametrize(
    "options",
    [
        ["trainer=debug", "trainer.precision=bf16-mixed"],
        ["trainer=debug", "trainer.precision=bf16-mixed", "gradients=torch"],
        ["trainer=debug", "callbacks=ema"],
        ["trainer=debug", "trainer.precision=64-true", "callbacks=ema"],
        ["trainer=profile", "trainer.limit_train_batches=2", "trainer.max_epochs=1"],
        ["trainer.fast_dev_run=2"],
        ["trainer.max_steps=2"],
        ["trainer.accumulate_grad_batches=2", "trainer.max_epochs=1"],
    ],
    ids=lambda options: "_".join(option.rpartition("=")[2] for option in options),
)
def test_an_option_of_lightnings_trains_two_steps(options, compose, tmp_path):
    train(compose("train", *REST, *options, f"run_dir={tmp_path}"))
    recognizer = Recognizer.load(tmp_path / "recognizer.pt")
    assert all(parameter.isfinite().all() for parameter in recognizer.parameters())
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["overall"]["n_clips"] > 0
    if "trainer=profile" in options:
        assert "run_training_batch" in (tmp_path / "fit-profile.txt").read_text()
    elif "trainer.fast_dev_run=2" in options:
        assert not (tmp_path / "checkpoints").exists()
    else:
        assert checkpoint(tmp_path)["global_step"] == 2


@pytest.mark.parametrize(
    ("options", "validated", "kept"),
    [
        (["trainer.check_val_every_n_epoch=2"], ["5"], 6),
        (["trainer.check_val_every_n_epoch=9"], [], 9),
        (["trainer.limit_val_batches=0"], [], 9),
    ],
    ids=lambda options: "_".join(options) if isinstance(options, list) else "",
)
def test_epochs_may_go_by_without_a_validation(options, validated, kept, compose, tmp_path, recwarn):
    """Of none, the last epoch is kept."""
    train(compose("train", *SMALL, *options, "logger=csv", f"run_dir={tmp_path}"))
    rows = list(csv.DictReader((tmp_path / "csv" / "metrics.csv").open()))
    assert [row["step"] for row in rows if row.get("val/cer")] == validated
    weights = checkpoint(tmp_path, "best" if validated else "last")
    assert weights["global_step"] == kept
    recognizer = Recognizer.load(tmp_path / "recognizer.pt").state_dict()
    assert torch.equal(weights["state_dict"]["recognizer.encoder.output.weight"], recognizer["encoder.output.weight"])
    assert not [one for one in recwarn if "monitor" in str(one.message)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["+trainer.overfit_batches=1"], r"trainer\.overfit_batches=1: use trainer=overfit$"),
        (["+trainer.gradient_clip_algorithm=value"], r"trainer\.gradient_clip_algorithm=value: .* norm: leave it out$"),
        (["trainer.accelerator=gpu"], r"trainer\.accelerator=gpu: torch finds no GPU here: use trainer=cpu$"),
        (["+trainer.max_time=soon"], r"trainer\.max_time=soon: give days:hours:minutes:seconds"),
        (["+trainer.max_time={fortnights: 1}"], r"trainer\.max_time={'fortnights': 1}: give days:hours:"),
        (["trainer.devices=2"], r"trainer\.devices=2: for several processes give trainer=ddp as well$"),
        (["trainer=ddp", "trainer.devices=auto"], r"trainer\.devices=auto: with trainer=ddp it is the number of"),
        (["trainer=ddp", "+trainer.num_nodes=2"], r"trainer\.num_nodes=2: trainer=ddp uses the processes of one"),
        (["trainer=ddp", "gradients=manual"], r"gradients=manual: it needs a single process: use gradients=hybrid, or"),
        (["wise_ft_alpha=1.5", "init=RUN"], r"wise_ft_alpha=1\.5 is the share of the fine-tuned weights: 0 \(none\)"),
        (["wise_ft_alpha=0.7"], r"wise_ft_alpha=0\.7 needs the weights of another recogniser: give init=RUN_DIR$"),
    ],
)
def test_what_cannot_be_trained_is_told_before_a_clip_is_made(options, message, compose, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    config = compose("train", *SMALL, *options, f"run_dir={tmp_path / 'run'}")
    config.cache_dir = str(tmp_path / "cache")
    with pytest.raises(ConfigError, match=f"^{message}"):
        train(config)
    assert not (tmp_path / "cache").exists()
    assert not (tmp_path / "run" / "config.yaml").exists()


def test_mixed_precision_of_hand_written_gradients_is_refused_in_a_line(compose, tmp_path):
    mixed = ["gradients=manual", "trainer.precision=bf16-mixed", "trainer=debug"]
    with pytest.raises(ValueError, match=r"^gradients=manual: .*: use trainer\.precision=32-true, or"):
        train(compose("train", *REST, *mixed, f"run_dir={tmp_path}"))


def test_accumulated_batches_draw_differently_and_resume_bit_identical(compose, tmp_path, monkeypatch):
    """A signal between the two batches of a step is acted on after the step."""
    seeds, whole, cut = [], tmp_path / "whole", tmp_path / "cut"
    with monkeypatch.context() as patched:
        seed = torch.manual_seed
        patched.setattr(torch, "manual_seed", lambda number: seeds.append(number) or seed(number))
        options = ["trainer.accumulate_grad_batches=2", "encoder.dropout=0.3", f"run_dir={whole}"]
        train(compose("train", *SMALL, *options))
    drawn = [number for number in seeds if number < 100]
    assert drawn == [0, 0, 1, 2, 4, 5, 6, 8, 9, 10], "the run's own seed, and one of each batch"

    step = SpellingTask.training_step

    def interrupted(task, batch, batch_idx):
        if task.current_epoch == 1 and batch_idx == 0:
            os.kill(os.getpid(), signal.SIGINT)
        return step(task, batch, batch_idx)

    with monkeypatch.context() as patched:
        patched.setattr(SpellingTask, "training_step", interrupted)
        with pytest.raises(Interrupted):
            train(again(whole, cut))
    assert checkpoint(cut)["global_step"] == 3
    train(saved(cut, "train"), resume=True)
    assert same_weights(cut, whole)


def test_averaged_weights_are_kept_and_resume_bit_identical(compose, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(compose("train", *SMALL, "callbacks=ema", "callbacks.average.decay=0.5", f"run_dir={whole}"))
    last = checkpoint(whole)
    assert not same(last["state_dict"], last["current_model_state"]), "the average lags behind"
    best, kept = checkpoint(whole, "best")["state_dict"], Recognizer.load(whole / "recognizer.pt").state_dict()
    assert torch.equal(best["recognizer.encoder.output.weight"], kept["encoder.output.weight"])
    train_until(5, again(whole, cut))
    train(saved(cut, "train"), resume=True)
    for key in ("state_dict", "current_model_state"):
        assert same(checkpoint(cut)[key], last[key])


@pytest.mark.parametrize(
    ("callback", "told"), [("best", "could not find the monitored key"), ("stop_early", "which nothing measures")]
)
def test_a_metric_that_is_misspelt_is_named(callback, told, compose, tmp_path):
    options = [*SMALL, f"callbacks.{callback}.monitor=val/xer", "trainer.max_epochs=1", f"run_dir={tmp_path}"]
    with pytest.raises(ConfigError, match=rf"val/xer.* {told}.*val/cer"):
        train(compose("train", *options))


@pytest.mark.parametrize("length", ["trainer.max_epochs=8", "trainer.max_steps=24"])
def test_a_learning_rate_is_found_and_the_schedule_rises_to_it(length, compose, tmp_path, capsys):
    options = ["callbacks=find_lr", "callbacks.find_learning_rate.n_steps=24", length, "optimizer.lr=123"]
    train(compose("train", *REST, *options, f"run_dir={tmp_path}"))
    found = float(capsys.readouterr().out.partition("learning rate: ")[2].partition(",")[0])
    last = checkpoint(tmp_path)
    assert last["global_step"] == 24, "the search is no part of the training"
    (base,) = last["lr_schedulers"][0]["base_lrs"]
    assert base == pytest.approx(found, rel=0.1)
    assert 1e-5 < base < 0.1
    (group,) = last["optimizer_states"][0]["param_groups"]
    assert group["lr"] <= base
    assert not list(tmp_path.glob(".lr_find*"))
