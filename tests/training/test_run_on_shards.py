"""A training on shards: the run that a corpus in memory has, and the same however often it was interrupted."""

import json
from copy import deepcopy

import pytest
import torch
from commands import run_command
from conftest import SMALL, train_until
from training.test_run import again, last_weights

from speech.config.compose import saved
from speech.data.source import CorpusError
from speech.model.recognizer import Recognizer
from speech.training.run import train
from speech.training.task import SpellingTask

CORPUS = [option for option in SMALL if option.startswith("corpus.")]
OTHERS = [option for option in SMALL if not option.startswith("corpus.")]


@pytest.fixture(scope="module")
def shards(shared, cache):
    return shared(
        "shards",
        lambda folder: run_command("shard", *CORPUS, "shard_size=3", f"output={folder}", f"cache_dir={cache}"),
    )


@pytest.fixture(scope="module")
def shards_run(trained, shards):
    return trained("shards_run", "corpus=shar", f"corpus.folder={shards}", *OTHERS)


def test_a_training_on_shards_leaves_what_one_in_memory_leaves(shards_run, small_run):
    ours, theirs = (json.loads((run / "report.json").read_text()) for run in (shards_run, small_run))
    assert list(ours["splits"]) == list(theirs["splits"])
    assert [one["n_clips"] for one in ours["splits"].values()] == [one["n_clips"] for one in theirs["splits"].values()]
    recognizer, other = (Recognizer.load(run / "recognizer.pt") for run in (shards_run, small_run))
    assert (recognizer.names, recognizer.trained_on) == (other.names, other.trained_on)


@pytest.mark.parametrize(("every", "killed"), [(2, 5), (3, 5)])
def test_killed_between_checkpoints_within_epochs_it_ends_bit_identical(
    every, killed, shards_run, tmp_path, monkeypatch
):
    """The last checkpoint is of the first batch of an epoch of three, or of the last."""
    config = again(shards_run, tmp_path)
    config.callbacks.last.every_n_train_steps = every

    def killed_after(task, *_):
        if task.global_step == killed:
            raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(SpellingTask, "on_train_batch_end", killed_after)
        with pytest.raises(RuntimeError, match="killed"):
            train(config)
    last = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["global_step"] == killed // every * every
    ended = {}
    monkeypatch.setattr(SpellingTask, "on_train_end", lambda task: ended.update(deepcopy(task.state_dict())))
    train(saved(tmp_path, "train"), resume=True)
    theirs = last_weights(shards_run)
    assert ended.keys() == theirs.keys()
    assert all(torch.equal(ended[name], theirs[name]) for name in theirs)


def test_it_is_evaluated_on_the_shards_of_its_test(shards_run, cache, capsys):
    run_command("evaluate", f"recognizer={shards_run}", "split=val", f"cache_dir={cache}")
    assert "2 names" in capsys.readouterr().out


def test_its_page_has_clips_of_its_shards_which_are_no_corpus(shards_run, shards, cache, tmp_path, capsys):
    run_command("report", f"run={shards_run}", f"output={tmp_path}/page.html")
    assert "<audio" in (tmp_path / "page.html").read_text(encoding="utf-8")
    with pytest.raises(SystemExit, match="2"):
        run_command(
            "shard", "corpus=shar", f"corpus.folder={shards}", f"output={tmp_path}/shards", f"cache_dir={cache}"
        )
    assert "already contains shards: give the corpus they were made from" in capsys.readouterr().err


def test_other_shards_and_replay_are_refused(shards, shards_run, compose, tmp_path, cache):
    other, run = tmp_path / "shards", tmp_path / "run"
    corpus = ["corpus=shar", f"corpus.folder={other}", *OTHERS, f"run_dir={run}"]
    run_command("shard", *CORPUS, "shard_size=4", f"output={other}", f"cache_dir={cache}")
    train_until(2, compose("train", *corpus))
    for path in sorted(other.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    run_command("shard", *CORPUS, "shard_size=5", f"output={other}", f"cache_dir={cache}")
    with pytest.raises(CorpusError, match="the corpus is not the one that this training began with"):
        train(saved(run, "train"), resume=True)
    replayed = ["experiment=enrol", "corpus=shar", f"corpus.folder={shards}", "trainer=debug", f"run_dir={run}2"]
    with pytest.raises(ValueError, match=r"replay keeps clips in memory; with shards, mix both corpora"):
        train(compose("train", *replayed, f"init={shards_run}"))
