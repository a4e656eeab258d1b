"""A training run: what it leaves in its folder, and that it ends the same however often it was interrupted."""

import io
import json
import shutil
import signal
import warnings

import pytest
import pytorch_lightning as pl
import torch
from conftest import SMALL, train_until
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from speech.common.processes import GROUP_SIGNALS
from speech.config.compose import put, saved
from speech.data.source import CorpusError
from speech.model.recognizer import Recognizer
from speech.text.phones import PHONES
from speech.text.pronunciation import phonemize
from speech.training.corpora import make_data
from speech.training.prepare import prepare
from speech.training.ranking import fit_ranking
from speech.training.run import train
from speech.training.task import SpellingTask

PHONETIC = ["phones=true", "trainer.max_epochs=2", "corpus.n_train=2", "corpus.n_val=4"]
PHONETIC.append("corpus.names=[{text: Niamh, say: [neev]},Anna,Boris,David,Hugo,Mark,Martin,Olga,Peter,Sophie]")


def last_weights(run_dir):
    return torch.load(run_dir / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


def same_weights(run_dir, other):
    ours, theirs = last_weights(run_dir), last_weights(other)
    return all(torch.equal(ours[name], theirs[name]) for name in theirs)


def again(run, folder):
    """The config of the training in ``run``, for another one in ``folder``."""
    config = saved(run, "train")
    put(config, {"run_dir": str(folder)})
    return config


def steps_of_hypotheses(run_dir):
    return [json.loads(line)["step"] for line in (run_dir / "hypotheses.jsonl").open()]


@pytest.fixture(scope="module")
def phonetic_run(trained):
    """The folder of a small training of letters and phones, of enough names for a ranking to be fitted."""
    return trained("phonetic_run", *SMALL, *PHONETIC)


@pytest.fixture(scope="module")
def rooms_run(trained):
    """The folder of a small training with rooms and hidden features."""
    rooms = ["augment=room", "augment.ramp=4", "frontend=logmel", "gradients=manual", "optimizer=adamw_manual"]
    return trained("rooms_run", *SMALL, *rooms, "trainer.max_epochs=2")


@pytest.fixture
def handlers_of_signals():
    """They are left as they were: Lightning's own, left behind, would hear a SIGTERM and do nothing."""
    before = {number: signal.getsignal(number) for number in GROUP_SIGNALS}
    yield
    assert {number: signal.getsignal(number) for number in before} == before


@pytest.mark.parametrize(("whole", "step"), [("small_run", 5), ("rooms_run", 4), ("open_run", 3)])
@pytest.mark.usefixtures("handlers_of_signals")
def test_interrupted_in_an_epoch_and_resumed_it_ends_bit_identical(whole, step, tmp_path, request):
    whole = request.getfixturevalue(whole)
    train_until(step, again(whole, tmp_path))
    assert torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == step
    train(saved(tmp_path, "train"), resume=True)
    assert same_weights(tmp_path, whole)
    assert steps_of_hypotheses(tmp_path) == steps_of_hypotheses(whole)


def test_killed_and_resumed_at_the_last_whole_epoch_it_ends_bit_identical(small_run, tmp_path, monkeypatch):
    def die(task, *_):
        if task.global_step == 4:
            raise MemoryError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(SpellingTask, "on_train_batch_end", die)
        with pytest.raises(MemoryError):
            train(again(small_run, tmp_path))
    with (tmp_path / "hypotheses.jsonl").open("a") as file:
        file.write('{"step": 4, "epo')  # as a crash may leave it
    train(saved(tmp_path, "train"), resume=True)
    assert same_weights(tmp_path, small_run)
    assert steps_of_hypotheses(tmp_path) == [3, 6, 9]


def test_a_run_that_was_moved_after_its_end_is_resumed_where_it_is(small_run, tmp_path):
    """What was lost after its training (the report, say) is made again, of the same weights."""
    moved = shutil.copytree(small_run, tmp_path / "moved")
    report = json.loads((moved / "report.json").read_text())
    (moved / "report.json").unlink()
    train(saved(moved, "train"), resume=True)
    assert same_weights(moved, small_run)
    ours, theirs = (Recognizer.load(run / "recognizer.pt").state_dict() for run in (moved, small_run))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    again = json.loads((moved / "report.json").read_text())
    of_its_place = {"train_seconds": 0, "corpus": ""}  # and of its time
    assert again | of_its_place == report | of_its_place


def test_a_run_that_was_moved_in_its_middle_knows_its_best_epoch(small_run, tmp_path):
    train_until(7, again(small_run, tmp_path / "first"))
    moved = shutil.copytree(tmp_path / "first", tmp_path / "moved")
    train(saved(moved, "train"), resume=True)
    assert not (tmp_path / "first" / "recognizer.pt").exists(), "the one that it was copied from is as it was"
    ours, theirs = (
        torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["callbacks"] for run in (moved, small_run)
    )
    (watched,) = (key for key, kept in theirs.items() if "val/cer" in key and "best_model_path" in kept)
    for key in ("best_model_score", "best_model_path", "best_k_models", "dirpath"):
        assert ours[watched][key] == theirs[watched][key] is not None


def test_no_file_of_a_run_tells_where_it_lies(small_run):
    files = [path for path in small_run.rglob("*") if path.is_file()]
    assert {"last.ckpt", "report.json", "config.yaml", "recognizer.pt"} <= {path.name for path in files}
    for path in files:
        assert str(small_run).encode() not in path.read_bytes(), path
    assert (small_run / json.loads((small_run / "report.json").read_text())["corpus"] / "cuts.jsonl.gz").is_file()


def test_a_resumed_run_keeps_its_words_and_refuses_another_corpus(compose, tmp_path):
    names, words, run = tmp_path / "names.txt", tmp_path / "words.txt", tmp_path / "run"
    names.write_text("Martin\nMark\n", encoding="utf-8")
    words.write_text("house\ntree\n", encoding="utf-8")
    train_until(4, compose("train", *SMALL, f"corpus.names={names}", f"corpus.words={words}", f"run_dir={run}"))
    names.write_text("Anna\nBob\n", encoding="utf-8")
    words.unlink()
    config = saved(run, "train")
    assert config.corpus.names == ["Martin", "Mark"]
    config.corpus.n_train = 7
    last = (run / "checkpoints" / "last.ckpt").read_bytes()
    with pytest.raises(CorpusError, match=r"the corpus is not the one that this training began with \(names-.*new run"):
        train(config, resume=True)
    assert (run / "checkpoints" / "last.ckpt").read_bytes() == last
    config.corpus.n_train = 6
    train(config, resume=True)
    assert Recognizer.load(run / "recognizer.pt").names == ["Martin", "Mark"]


def test_a_run_accepts_copied_recordings_and_refuses_changed_ones(compose, recordings, tmp_path):
    first, run = shutil.copytree(recordings, tmp_path / "first"), tmp_path / "run"
    of_recordings = ["corpus=folder", "corpus.test_speakers=1", *(one for one in SMALL if "corpus." not in one)]
    train_until(2, compose("train", *of_recordings, f"corpus.root={first}", f"run_dir={run}"))
    config = saved(run, "train")
    moved = shutil.copytree(first, tmp_path / "moved", copy_function=shutil.copy)  # of another time, too
    config.corpus.root = str(moved)
    one, other, *_ = sorted(moved.rglob("*.wav"))
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    with pytest.raises(CorpusError, match=r"the corpus is not the one that this training began with \(folder-"):
        train(config, resume=True)
    one.write_bytes(content)
    train(config, resume=True)


def test_a_warning_of_a_training_is_one_of_this_program(compose, tmp_path):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("warnings.formatwarning", warnings.formatwarning)
        train(compose("train", *SMALL, "trainer=debug", f"run_dir={tmp_path}"))
        assert warnings.formatwarning("one", UserWarning, pl.__file__, 1) == "warning: one\n"


def test_a_run_without_a_checkpoint_cannot_be_resumed(compose, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"last\.ckpt: no checkpoint to continue from: start a new run"):
        train(compose("train", *SMALL, f"run_dir={tmp_path}"), resume=True)


def test_another_seed_gives_other_weights_and_batches(compose, tmp_path):
    begun = [prepare(compose("train", *SMALL, f"run_dir={tmp_path}", f"seed={seed}")) for seed in (0, 1)]
    weights = [one.recognizer.encoder.output.weight for one in begun]
    assert not torch.equal(*weights)
    ids = [[batch.ids for batch in one.data.train_dataloader()] for one in begun]
    assert ids[0] != ids[1]


def test_the_run_folder_holds_what_is_promised(small_run):
    report = json.loads((small_run / "report.json").read_text())
    assert set(report["splits"]) == {"unseen_speakers", "unseen_accent", "featured"}
    assert set(report["names"]) == {"martin", "mark"}
    assert report["splits"]["unseen_speakers"]["seen_in_training"]["speaker"] == "unseen"
    assert report["splits"]["unseen_accent"]["seen_in_training"] == {
        "speaker": "unseen",
        "accent": "unseen",
        "engine": "seen",
    }
    assert report["n_parameters"] == Recognizer.load(small_run / "recognizer.pt").n_parameters
    assert report["train_seconds"] > 0
    assert len(report["config_sha256"]) == 64
    environment = json.loads((small_run / "environment.json").read_text())
    assert environment["packages"]["torch"] == torch.__version__.split("+")[0]
    last = torch.load(small_run / "checkpoints" / "last.ckpt", weights_only=True)
    assert (last["epoch"], last["global_step"]) == (2, 9), "the last epoch, though another was better"


def test_the_ranking_is_fitted_and_phones_are_kept(phonetic_run, small_run, recordings, compose):
    recognizer = Recognizer.load(phonetic_run / "recognizer.pt")
    data = make_data(compose("train", *SMALL, *PHONETIC), recognizer)
    validation, augment = data.datasets["val"].clips, data.datasets["train"].augment
    prior, phones_weight = fit_ranking(recognizer, validation, augment, seed=0)
    assert prior is not None, "there were clips enough to fit the ranking"
    assert (recognizer.label_prior, recognizer.phones_weight) == (prior, phones_weight)
    report = json.loads((phonetic_run / "report.json").read_text())
    assert (report["ranking"]["label_prior_weights"], report["ranking"]["phones_weight"]) == (
        prior.weights,
        phones_weight,
    )
    assert json.loads((small_run / "report.json").read_text())["ranking"]["phones_weight"] is None
    assert recognizer.inventory.phones == PHONES
    assert recognizer.pronunciations["Niamh"][0].phones == phonemize("neev")
    assert recognizer.transcribe(recordings / "one" / "f1_0.wav").names
    events = EventAccumulator(str(phonetic_run / "tensorboard")).Reload()
    rates = [event.value for event in events.Scalars("val/phone_error_rate")]
    assert len(rates) == 2
    assert all(0 < rate <= 2 for rate in rates)


def test_one_batch_is_overfitted(compose, tmp_path):
    overfit = [override for override in SMALL if "max_epochs" not in override and "n_units" not in override]
    overfit += ["batch_size=12", "encoder.n_units=64", "trainer.max_epochs=200"]
    overfit += ["callbacks.last=null", "callbacks.hypotheses=null"]  # of each epoch, which is a step
    train(compose("train", "experiment=overfit", *overfit, f"run_dir={tmp_path}"))
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert events.Scalars("train/loss_epoch")[-1].value < 0.05


def test_a_name_that_no_clip_says_is_reported_before_training(compose, tmp_path):
    names = 'corpus.names=[Mark,{text: Dots, say: ["/ˈ/"]}]'
    unsaid = [names if override.startswith("corpus.names") else override for override in SMALL]
    with pytest.raises(CorpusError, match=r"(?s)no clip says Dots: leave it out.*refused: .*dots"):
        train(compose("train", *unsaid, f"run_dir={tmp_path}"))


def test_a_corpus_without_validation_is_told_before_training(compose, recordings, tmp_path):
    others = [one for one in SMALL if not one.startswith("corpus.")]
    own = ["corpus=folder", f"corpus.root={recordings}", "corpus.val_speakers=0", f"run_dir={tmp_path}"]
    with pytest.raises(CorpusError, match=r"no usable clips in split val \(splits with clips: t\w+, t\w+\); refused"):
        train(compose("train", *others, *own))


def test_a_disk_that_fills_under_the_log_leaves_the_last_checkpoint(small_run, tmp_path, monkeypatch):
    last, before = tmp_path / "checkpoints" / "last.ckpt", io.open

    def full(path, *how, **more):
        return before("/dev/full" if "tfevents" in str(path) and last.is_file() else path, *how, **more)

    with monkeypatch.context() as patched:
        patched.setattr(io, "open", full)
        message = rf"{tmp_path}/tensorboard: could not be written .*: python -m speech\.train resume={tmp_path}$"
        with pytest.raises(OSError, match=message):
            train(again(small_run, tmp_path))
    train(saved(tmp_path, "train"), resume=True)
    assert (tmp_path / "report.json").is_file()
