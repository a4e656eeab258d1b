import json
import math
import re
import shutil
import subprocess
import sys

import pytest
import torch
from conftest import SMALL, train_until
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from speech.config.tree import ConfigError
from speech.data.source import CorpusError
from speech.evaluate import evaluate
from speech.model.recognizer import Recognizer
from speech.text.phones import PHONES
from speech.text.pronunciation import phonemize
from speech.training.corpora import make_data
from speech.training.ranking import fit_ranking
from speech.training.recalibration import recalibrate
from speech.training.run import train
from speech.training.task import SpellingTask

PHONETIC = ["phones=true", "trainer.max_epochs=2", "corpus.n_train=2", "corpus.n_val=4"]
PHONETIC.append("corpus.names=[{text: Niamh, say: [neev]},Anna,Boris,David,Hugo,Mark,Martin,Olga,Peter,Sophie]")


def last_weights(run_dir):
    return torch.load(run_dir / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


def resume(run_dir, compose):
    config = compose("train", *SMALL, f"run_dir={run_dir}")
    return train(config, resume=True)


def test_the_last_epoch_is_kept_though_another_was_better(small_run):
    """Of a recogniser that hardly learns, the best epoch is the first: going on from that would train twice."""
    last = torch.load(small_run / "checkpoints" / "last.ckpt", weights_only=True)
    assert (last["epoch"], last["global_step"]) == (2, 9)


def assert_same_training(run_dir, other):
    ours, theirs = last_weights(run_dir), last_weights(other)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert [json.loads(line)["step"] for line in (run_dir / "hypotheses.jsonl").open()] == [3, 6, 9]


def test_interrupted_and_resumed_in_the_middle_of_an_epoch_ends_bit_identical(small_run, compose, tmp_path):
    train_until(5, compose("train", *SMALL, f"run_dir={tmp_path}"))  # of 3 batches an epoch
    assert torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 5
    resume(tmp_path, compose)
    assert_same_training(tmp_path, small_run)


def test_a_run_that_was_moved_when_it_had_ended_is_resumed_where_it_is(small_run, compose, tmp_path):
    """What was lost after its training (the report, say) is made again, of the same weights."""
    first, moved = tmp_path / "first", tmp_path / "moved"
    train(compose("train", *SMALL, f"run_dir={first}"))
    first.rename(moved)
    (moved / "report.json").unlink()
    assert math.isnan(resume(moved, compose)), "the best epoch's figure is not known"
    assert not first.exists()
    assert_same_training(moved, small_run)
    ours, theirs = (Recognizer.load(run / "recognizer.pt").state_dict() for run in (moved, small_run))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert (moved / "report.json").is_file()


def test_with_rooms_and_hidden_features_it_ends_bit_identical_too(compose, tmp_path):
    rooms = ["augment=room", "augment.ramp=4", "frontend=logmel", "backprop=all", "trainer.max_epochs=2"]
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    train(compose("train", *SMALL, *rooms, f"run_dir={whole}"))

    train_until(4, compose("train", *SMALL, *rooms, f"run_dir={stopped}"))
    train(compose("train", *SMALL, *rooms, f"run_dir={stopped}"), resume=True)
    ours, theirs = last_weights(stopped), last_weights(whole)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.fixture(scope="module")
def phonetic_run(compose, tmp_path_factory):
    """The folder of a small training of letters and phones, of enough names for a ranking to be fitted."""
    run_dir = tmp_path_factory.mktemp("runs") / "phonetic"
    train(compose("train", *SMALL, *PHONETIC, f"run_dir={run_dir}"))
    return run_dir


def test_phones_beside_letters_are_learnt_told_and_kept(phonetic_run, small_run, recordings, compose):
    events = EventAccumulator(str(phonetic_run / "tensorboard"))
    events.Reload()
    rates = [event.value for event in events.Scalars("val/phone_error_rate")]
    assert len(rates) == 2
    assert all(0 < rate <= 2 for rate in rates)
    recognizer = Recognizer.load(phonetic_run / "recognizer.pt")
    report = json.loads((phonetic_run / "report.json").read_text())
    data = make_data(compose("train", *SMALL, *PHONETIC), recognizer)
    validation, augment = data.datasets["val"].clips, data.datasets["train"].augment
    prior, phones_weight = fit_ranking(recognizer, validation, augment, seed=0)
    assert prior is not None, "there were clips enough to fit the ranking"
    assert (recognizer.label_prior, recognizer.phones_weight) == (prior, phones_weight)
    assert (report["prior_weight"], report["phones_weight"]) == (prior.weight, phones_weight)
    assert json.loads((small_run / "report.json").read_text())["phones_weight"] is None
    assert recognizer.inventory.phones == PHONES
    assert recognizer.pronunciations["Niamh"][0] == phonemize("neev")
    assert recognizer.transcribe(recordings / "one" / "f1_0.wav").names


def test_with_phones_it_ends_bit_identical_too(phonetic_run, compose, tmp_path):
    train_until(8, compose("train", *SMALL, *PHONETIC, f"run_dir={tmp_path}"))
    train(compose("train", *SMALL, *PHONETIC, f"run_dir={tmp_path}"), resume=True)
    ours, theirs = last_weights(tmp_path), last_weights(phonetic_run)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_killed_and_resumed_at_the_last_whole_epoch_ends_bit_identical(small_run, compose, tmp_path, monkeypatch):
    def die(task, *_):
        if task.global_step == 4:
            raise MemoryError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(SpellingTask, "on_train_batch_end", die)
        with pytest.raises(MemoryError):
            train(compose("train", *SMALL, f"run_dir={tmp_path}"))
    with (tmp_path / "hypotheses.jsonl").open("a") as heard:
        heard.write('{"step": 4, "epo')  # as a crash may leave it
    resume(tmp_path, compose)
    assert_same_training(tmp_path, small_run)


def test_another_seed_ends_elsewhere(small_run, compose, tmp_path):
    train(compose("train", *SMALL, f"run_dir={tmp_path}", "seed=1", "corpus.seed=0"))
    ours, theirs = last_weights(tmp_path), last_weights(small_run)
    assert not all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_the_run_folder_holds_what_is_promised(small_run):
    report = json.loads((small_run / "report.json").read_text())
    assert set(report["splits"]) == {"test_voices", "test_accent", "martin, marvin, morton, mark"}
    assert set(report["names"]) == {"martin", "mark"}
    for figures in [report, *report["splits"].values(), *report["names"].values()]:
        assert 0 <= figures["closed_set_accuracy"] <= 1
        assert 0 <= figures["exact_match"] <= 1
        assert figures["cer"] >= 0
        assert figures["n_clips"] > 0
    assert report["n_parameters"] == Recognizer.load(small_run / "recognizer.pt").n_parameters
    assert report["train_seconds"] > 0
    assert len(report["config_sha256"]) == 64
    environment = json.loads((small_run / "environment.json").read_text())
    assert environment["packages"]["torch"] == torch.__version__.split("+")[0]


def test_tensorboard_shows_how_it_learns(small_run):
    events = EventAccumulator(str(small_run / "tensorboard"))
    events.Reload()
    tags = events.Tags()
    scalars = {"train/loss_step", "train/loss_epoch", "val/loss", "val/cer", "val/exact_match", "val/blank_fraction"}
    scalars |= {"lr-AdamW", "gradient/all", "gradient/encoder.convolution", "gradient/encoder.backwards.1"}
    assert scalars <= set(tags["scalars"])
    assert {"final/cer", "final/exact_match"} <= set(tags["scalars"])
    assert [event.step for event in events.Tensors("heard/text_summary")] == [3, 6, 9]


def test_one_batch_is_learnt_by_heart(compose, tmp_path):
    config = compose("train", "experiment=overfit", *[c for c in SMALL if "max_epochs" not in c], "batch_size=12")
    config.run_dir, config.encoder.n_units = str(tmp_path), 64
    train(config)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert events.Scalars("train/loss_epoch")[-1].value < 0.05


def test_evaluate_judges_recordings_of_another_list(small_run, compose, recordings, tmp_path):
    out = tmp_path / "figures.json"
    choice = ["corpus=folder", f"corpus.root={recordings}", "split=all", "decoder=lexicon", f"output={out}"]
    found = evaluate(compose("evaluate", f"recognizer={small_run}", *choice))
    assert found["n_clips"] == 20
    assert found["exact_match"] == found["closed_set_accuracy"], (
        "the lexicon decoder spells the name that is ranked first"
    )
    assert json.loads(out.read_text())["n_clips"] == 20


def test_a_name_that_no_clip_says_is_told_before_training(compose, tmp_path):
    names = 'corpus.names=[Mark,{text: Dots, say: ["/ˈ/"]}]'
    unsaid = [names if override.startswith("corpus.names") else override for override in SMALL]
    with pytest.raises(CorpusError, match=r"(?s)no clip says Dots: leave it out.*refused: .*dots"):
        train(compose("train", *unsaid, f"run_dir={tmp_path}"))


def test_without_a_corpus_its_own_test_clips_are_judged(small_run, compose, tmp_path, capsys):
    log = tmp_path / "log"
    found = evaluate(compose("evaluate", f"recognizer={small_run}", f"tensorboard={log}"))
    report = json.loads((small_run / "report.json").read_text())
    assert {split: one["n_clips"] for split, one in found["splits"].items()} == {
        split: one["n_clips"] for split, one in report["splits"].items()
    }
    assert found["cer"] == pytest.approx(report["cer"])
    printed = capsys.readouterr().out
    for kind in ("name", "speaker", "accent", "length"):
        assert re.search(rf"^{kind} +clips +right within list", printed, re.MULTILINE), kind
    events = EventAccumulator(str(log))
    events.Reload()
    assert events.Tags()["images"] == ["evaluation"]
    shutil.copy(small_run / "recognizer.pt", tmp_path / "alone.pt")
    with pytest.raises(ConfigError, match=r"alone\.pt: no config\.yaml beside it, so that its corpus is not known"):
        evaluate(compose("evaluate", f"recognizer={tmp_path / 'alone.pt'}"))


def test_calibrating_anew_is_told_in_the_report_and_on_the_card_and_is_learning(
    small_run, compose, recordings, tmp_path, monkeypatch
):
    run = tmp_path / "run"
    shutil.copytree(small_run, run)
    monkeypatch.setattr("speech.training.calibration.LEAST_CLIPS", 4)
    monkeypatch.setattr("speech.training.calibration.LEAST_NAMES", 2)
    everybody = ["corpus.val_speakers=0", "corpus.test_speakers=0", "split=train"]
    fitted = recalibrate(
        compose("calibrate", f"recognizer={run}", "corpus=folder", f"corpus.root={recordings}", *everybody)
    )
    assert json.loads((run / "report.json").read_text())["rejection"] == json.loads(json.dumps(fitted))
    assert "threshold was chosen in validation clips" in (run / "model_card.md").read_text()
    assert "threshold was chosen in validation clips" not in (small_run / "model_card.md").read_text()
    choice = ["corpus=folder", f"corpus.root={recordings}", "split=all"]
    assert evaluate(compose("evaluate", f"recognizer={run}", *choice))["met"]["speaker"] == "seen"


def test_clips_of_other_words_are_none_of_the_list(small_run, compose, recordings, tmp_path):
    choice = ["corpus=folder", f"corpus.root={recordings}", "split=all", "names=[One,Martin]"]
    picture = tmp_path / "figures.png"
    found = evaluate(compose("evaluate", f"recognizer={small_run}", *choice, f"picture={picture}"))
    assert (found["n_clips"], found["n_listed"]) == (20, 10)
    assert "closed_set_accuracy" not in found["names"]["two"]
    accepted = found["acceptance"]
    assert (accepted["n_listed"], accepted["n_not_listed"]) == (10, 10)
    assert accepted["operating_point"]["false_accept_rate"] <= 0.05
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_people_are_unseen_by_a_recogniser_of_synthetic_voices(small_run, compose, recordings, capsys):
    choice = ["corpus=folder", f"corpus.root={recordings}", "split=all"]
    found = evaluate(compose("evaluate", f"recognizer={small_run}", *choice, f"against={small_run}"))
    assert found["met"] == {"speaker": "unseen", "accent": "unknown", "engine": "unseen"}
    assert set(found["groups"]["engine"]) == {"person"}
    assert set(found["groups"]["speaker"]) == {"f1", "f2", "m1", "m2", "m3"}
    assert found["against"]["cer_interval"] == (0, 0)
    assert "ours less theirs" in capsys.readouterr().out


def test_the_report_knows_whom_training_met(small_run):
    splits = json.loads((small_run / "report.json").read_text())["splits"]
    assert (splits["test_voices"]["met"]["speaker"], splits["test_voices"]["met"]["engine"]) == ("unseen", "seen")
    assert splits["test_accent"]["met"] == {"speaker": "unseen", "accent": "unseen", "engine": "seen"}


def test_a_recogniser_of_an_older_version_does_not_know_whom_it_met(small_run, tmp_path):
    content = torch.load(small_run / "recognizer.pt", weights_only=True)
    assert content.pop("trained_on")["engines"] == ["espeak"]
    torch.save(content, tmp_path / "recognizer.pt")
    assert Recognizer.load(tmp_path / "recognizer.pt").trained_on == {}


def test_a_misspelt_split_is_told_before_a_clip_is_made(small_run, compose, monkeypatch):
    monkeypatch.setattr("speech.training.corpora.make_data", lambda *_: pytest.fail("the corpus was built first"))
    with pytest.raises(ValueError, match="split=tset: the corpus has train, val, test_voices, test_accent; or take"):
        evaluate(compose("evaluate", f"recognizer={small_run}", "split=tset"))


def test_evaluate_needs_torchs_file(small_export, compose):
    with pytest.raises(ValueError, match=r"recognizer\.onnx: evaluate hears in batches, by torch"):
        evaluate(compose("evaluate", f"recognizer={small_export / 'recognizer.onnx'}"))


def test_a_sweep_and_a_wrong_resume_from_the_command_line(cache, tmp_path):
    command = [sys.executable, "-m", "speech.train"]
    sweep = [*command, "-m", "encoder=rnn,gru", *SMALL, "trainer=debug", f"cache_dir={cache}"]
    done = subprocess.run(sweep, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    runs = sorted(tmp_path.glob("runs/sweep_*/*/report.json"))
    assert len(runs) == 2
    assert done.stdout.splitlines()[-1] == str(runs[-1].parent)
    wrong = [*command, f"resume={runs[0].parent}", "seed=3"]
    refused = subprocess.run(wrong, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "leave out seed=3" in refused.stderr
