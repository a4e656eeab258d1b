"""Starting from a recogniser that is there: what it takes over, what it refuses, and that it hears better for it."""

import json
import shutil

import numpy as np
import pytest
import torch
from conftest import SMALL
from omegaconf import OmegaConf

from speech.audio import files
from speech.config.tree import ConfigError
from speech.export import export
from speech.inference.label_prior import LabelPrior
from speech.inference.runtime import Runtime
from speech.inference.transcriber import RecognizerError
from speech.model.recognizer import Recognizer
from speech.text.phones import PHONES
from speech.training import finetune
from speech.training.corpora import make_data
from speech.training.run import train
from speech.tts.espeak import Espeak
from speech.tts.voice import Voice

QUIET = ["+trainer.enable_progress_bar=false", "callbacks.stop_early=null"]
QUIET += [
    f"callbacks.{view}=null"
    for view in ("ranking", "alignment", "lattice", "attribution", "embedding", "errors", "histograms")
]


@pytest.fixture(scope="module")
def heard_well(compose, tmp_path_factory):
    """The folder of a run that learnt two names from espeak's voices, as far as a few seconds go."""
    run_dir = tmp_path_factory.mktemp("runs") / "earlier"
    names = ["corpus.names=[Martin,Anna]", "corpus.n_train=120", "corpus.n_val=4", "corpus.n_test=20"]
    small = ["augment=none", "encoder.n_units=32", "batch_size=8"]
    small += ["trainer.max_epochs=8", "optimizer.lr=0.01"]
    train(compose("train", *names, *small, *QUIET, f"run_dir={run_dir}"))
    return run_dir


@pytest.fixture(scope="module")
def odd_speaker(tmp_path_factory):
    """Somebody who says a new name, and an old one strangely: Martin as others would say Oogoo."""
    root = tmp_path_factory.mktemp("odd")
    engine = Espeak()
    for name, said in (("Martin", "Oogoo"), ("Zoe", "Zoe")):
        (root / name).mkdir()
        for take in range(8):
            samples, rate = engine.speak(said, Voice("espeak", "en-US", "m3"), np.random.default_rng(take))
            files.write(root / name / f"odd_{take}.wav", files.to_waveform(samples, rate, 16_000), 16_000)
    return root


@pytest.fixture(scope="module")
def enrolled(compose, heard_well, odd_speaker, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("runs") / "enrolled"
    few = ["corpus.n_recordings=3", "replay.n_steps=25", "trainer.max_epochs=4", "optimizer.lr=0.005"]
    choice = [f"corpus.root={odd_speaker}", f"init={heard_well}", *few, *QUIET]
    train(compose("train", "experiment=enrol", *choice, f"run_dir={run_dir}"))
    return run_dir


def test_three_recordings_of_a_strange_speaker_are_enough_and_the_others_are_heard_as_before(enrolled, heard_well):
    report = json.loads((enrolled / "report.json").read_text())
    before, after, change = (
        [of["splits"][split] for split in ("test_held_back", "test_elsewhere")]
        for of in (report["before"], report, report["change"])
    )
    assert before[0]["n_clips"] == after[0]["n_clips"] == 2 * (8 - 3)
    assert before[0]["closed_set_accuracy"] <= 0.5
    assert after[0]["closed_set_accuracy"] >= 0.9
    assert change[0]["closed_set_accuracy"] == pytest.approx(
        after[0]["closed_set_accuracy"] - before[0]["closed_set_accuracy"]
    )
    assert change[0]["right_within_list_p"] < 0.1
    assert after[1]["n_clips"] > 50
    assert before[1]["closed_set_accuracy"] > 0.9
    assert change[1]["closed_set_accuracy"] > -0.05
    names = Recognizer.load(enrolled / "recognizer.pt").names
    assert {name.lower() for name in names} == {"martin", "anna", "zoe"}, "the new ones beside the old"


def test_the_run_keeps_what_it_took_over_and_the_card_names_both_corpora(enrolled, heard_well, compose):
    ours, theirs = (Recognizer.load(folder / "recognizer.pt") for folder in (enrolled, heard_well))
    assert {part: ours.parts[part] for part in finetune.PARTS} == {part: theirs.parts[part] for part in finetune.PARTS}
    config = finetune.configs.saved(enrolled, "train")
    assert config.encoder.n_units == 32
    assert config.init == str(heard_well / "recognizer.pt")
    card = (enrolled / "model_card.md").read_text()
    assert "corpus.enrolment.Enrolment" in card
    assert "corpus.synthetic.Synthetic" in card
    assert "espeak-ng (GPL-3.0-or-later)" in card


def test_the_final_weights_lie_where_keep_says_between_those_of_before_and_those_learnt(enrolled, heard_well):
    ours, theirs = (Recognizer.load(folder / "recognizer.pt").state_dict() for folder in (enrolled, heard_well))
    checkpoint = torch.load(enrolled / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    learnt = {name.removeprefix("recognizer."): weight for name, weight in checkpoint.items()}
    assert finetune.configs.saved(enrolled, "train").wise_ft_alpha == 0.7
    for name, weight in ours.items():
        torch.testing.assert_close(weight, 0.3 * theirs[name] + 0.7 * learnt[name])
    moved = [name for name in ours if not torch.equal(learnt[name], theirs[name])]
    assert len(moved) > 10, "or the claim is of nothing"


def test_keeping_nothing_is_what_was_learnt_and_keeping_all_what_was_there():
    earlier, learnt = ({"weight": torch.randn(3, 2), "n": torch.tensor(n)} for n in (1, 2))
    for alpha, end in ((1, learnt), (0, earlier)):
        found = finetune.interpolate_weights(earlier, learnt, alpha)
        torch.testing.assert_close(found["weight"], end["weight"], rtol=0, atol=0)
        assert found["n"] == 2, "a count is not mixed"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["wise_ft_alpha=1.5", "init=somewhere"], r"wise_ft_alpha=1\.5 is the share of the fine-tuned weights: 0"),
        (["wise_ft_alpha=0.7"], r"wise_ft_alpha=0\.7 needs the weights of another recogniser: give init=RUN_DIR"),
    ],
)
def test_what_cannot_be_kept_is_told_before_anything_is_made(compose, tmp_path, overrides, message):
    with pytest.raises(ConfigError, match=message):
        train(compose("train", *SMALL, *overrides, f"run_dir={tmp_path}"))
    assert not (tmp_path / "config.yaml").exists()


def test_what_comes_before_is_what_the_earlier_recogniser_heard(enrolled, heard_well, compose):
    """Its own evaluation of its own test clips, of the same list."""
    from speech.evaluation import report

    config = finetune.configs.saved(enrolled, "train")
    recognizer = Recognizer.load(heard_well / "recognizer.pt")
    names = Recognizer.load(enrolled / "recognizer.pt").names
    data = make_data(config, recognizer)
    heard = report.predict(recognizer, data.loader("test_elsewhere"), names)
    report = json.loads((enrolled / "report.json").read_text())
    right = sum(one.names[0][0] == one.text for one in heard)
    assert report["before"]["splits"]["test_elsewhere"]["closed_set_accuracy"] == right / len(heard)


def test_what_comes_before_is_ranked_as_the_earlier_recogniser_ranks(heard_well, odd_speaker, compose, tmp_path):
    """Of the two names, its prior takes so much off one that it never gives it."""
    earlier = tmp_path / "earlier"
    shutil.copytree(heard_well, earlier)
    recognizer = Recognizer.load(earlier / "recognizer.pt")
    assert recognizer.label_prior is None
    rare = [symbol in recognizer.alphabet.encode("mrti") for symbol in range(len(recognizer.alphabet))]
    recognizer.label_prior = LabelPrior([0.0 if often else -30.0 for often in rare], 1.0)
    recognizer.save(earlier / "recognizer.pt")
    few = ["corpus.n_recordings=3", "replay.n_steps=1", "trainer.max_epochs=1", f"run_dir={tmp_path / 'run'}"]
    train(compose("train", "experiment=enrol", f"corpus.root={odd_speaker}", f"init={earlier}", *few, *QUIET))
    before = json.loads((tmp_path / "run" / "report.json").read_text())["before"]["names"]
    assert before["martin"]["closed_set_accuracy"] == 0
    assert before["anna"]["closed_set_accuracy"] == 1


def test_recordings_can_be_learnt_from_without_what_came_before(heard_well, odd_speaker, compose, tmp_path):
    few = ["corpus.n_recordings=3", "trainer.max_epochs=1", "replay=null", f"run_dir={tmp_path}"]
    train(compose("train", "experiment=enrol", f"corpus.root={odd_speaker}", f"init={heard_well}", *few, *QUIET))
    splits = json.loads((tmp_path / "report.json").read_text())["splits"]
    assert "test_held_back" in splits
    assert "test_elsewhere" not in splits


def test_a_second_enrolment_replays_both_earlier_corpora(enrolled, heard_well):
    folders = [folder for folder, _ in finetune.earlier_runs(str(enrolled / "recognizer.pt"))]
    assert folders == [enrolled, heard_well]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("alphabet=abcdefghijklmnopqrstuvwxyz", r"its alphabet is another .*alphabet=null.*init=null"),
        (
            "encoder.n_units=48",
            r"its encoder is another than this config's \(n_units: there 16, here 48\).*encoder=null",
        ),
        ("encoder=lstm", r"its encoder is another .*\(cell: there 'gru', here 'lstm'\)"),
        ("frontend=logmel", r"its frontend is another .*frontend=null"),
    ],
)
def test_a_recogniser_of_other_parts_is_refused_with_the_way_out(compose, small_run, tmp_path, override, message):
    changed = [c for c in SMALL if not override.startswith(c.split("=")[0])]
    composed = compose("train", *changed, override, f"init={small_run}", f"run_dir={tmp_path}")
    with pytest.raises(ConfigError, match=message):
        train(composed)


def test_weights_learnt_by_hand_are_taken_over_by_torchs_layer(compose, small_run, tmp_path):
    changed = [f"init={small_run}", f"run_dir={tmp_path}", "encoder=gru"]
    composed = compose("train", *SMALL, *changed)
    taken = finetune.inherit_parts(composed)
    assert composed.encoder.cell == "gru"
    assert torch.equal(taken.encoder.output.bias, Recognizer.load(small_run / "recognizer.pt").encoder.output.bias)


def test_training_starts_from_the_weights_of_init(compose, small_run, tmp_path):
    still = ["optimizer.lr=0", "optimizer.weight_decay=0", "trainer.max_epochs=1"]
    changed = [c for c in SMALL if "max_epochs" not in c]
    train(compose("train", *changed, *still, f"init={small_run}", f"run_dir={tmp_path}"))
    ours, theirs = (Recognizer.load(folder / "recognizer.pt").state_dict() for folder in (tmp_path, small_run))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_recogniser_without_its_run_cannot_be_replayed_and_one_that_is_not_there_is_named(
    compose, small_run, recordings, tmp_path
):
    shutil.copy(small_run / "recognizer.pt", tmp_path / "alone.pt")
    enrol = ["experiment=enrol", f"corpus.root={recordings}", "corpus.n_recordings=1", f"run_dir={tmp_path / 'run'}"]
    with pytest.raises(FileNotFoundError, match=r"alone\.pt: no config\.yaml beside it.*replay=null"):
        train(compose("train", *enrol, f"init={tmp_path / 'alone.pt'}"))
    with pytest.raises(FileNotFoundError, match=r"init=.*nowhere\.pt: no such file"):
        train(compose("train", *enrol, f"init={tmp_path / 'nowhere.pt'}"))
    (tmp_path / "broken.pt").write_bytes(b"no recogniser")
    with pytest.raises(RecognizerError, match="not a recogniser file"):
        train(compose("train", *enrol, f"init={tmp_path / 'broken.pt'}"))
    with pytest.raises(ConfigError, match="replay is of what another recogniser was trained on: give init="):
        train(
            compose(
                "train",
                *enrol,
                "init=null",
                "wise_ft_alpha=1",
                "frontend=mfcc",
                "encoder=gru",
                "alphabet=abcdefghijklmnop",
            )
        )


def test_the_latest_is_the_newest_that_started_from_nothing(small_run, enrolled, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"init=latest: no run under .*train one"):
        finetune.find("latest")
    for name, run in (("first", small_run), ("second", enrolled)):
        shutil.copytree(run, tmp_path / "runs" / name)
    assert finetune.find("latest").parent.name == "first"


@pytest.fixture
def phonetic(make_recognizer, tmp_path):
    """The file of a recogniser that hears phones, in an order of its own."""
    make_recognizer(phones=PHONES[::-1], names=(), n_units=16, n_layers=1).save(tmp_path / "phonetic.pt")
    return tmp_path / "phonetic.pt"


def starting_from(compose, init, phones):
    """A config that leaves everything to ``init``, but for the phones."""
    composed = compose("train", f"phones={phones}", f"init={init}", "run_dir=nowhere")
    composed.alphabet = composed.frontend = composed.encoder = None
    return composed


@pytest.mark.parametrize("phones", ["null", "true"])
def test_a_recogniser_that_hears_phones_gives_its_own(compose, phonetic, phones):
    composed = starting_from(compose, phonetic, phones)
    assert finetune.inherit_parts(composed).inventory.phones == PHONES[::-1]
    assert list(composed.phones) == PHONES[::-1], "not those that there are now"


def test_whether_there_are_phones_must_be_as_it_was(compose, phonetic, make_recognizer, tmp_path):
    with pytest.raises(ConfigError, match=r"its phones is another .*there True, here False.*phones=null"):
        finetune.inherit_parts(starting_from(compose, phonetic, "false"))
    make_recognizer(n_units=16, n_layers=1).save(tmp_path / "letters.pt")
    with pytest.raises(ConfigError, match=r"its phones is another .*there False, here True.*phones=null"):
        finetune.inherit_parts(starting_from(compose, tmp_path / "letters.pt", "true"))
    for left in ("null", "false"):
        composed = starting_from(compose, tmp_path / "letters.pt", left)
        assert finetune.inherit_parts(composed).inventory is None
        assert not composed.phones


def test_exporting_makes_no_clip_anew_and_does_without_the_earlier_run(
    enrolled, heard_well, compose, tmp_path, monkeypatch
):
    """It is checked on the clips that the run was judged by; those of the earlier corpus go with that. The card is the
    run's own, in either case."""
    monkeypatch.setattr("speech.evaluation.parity.LEAST_SAME", 0.5)
    monkeypatch.setattr("speech.data.build.build", lambda *_: pytest.fail("clips were made"))
    judged = json.loads((enrolled / "report.json").read_text())["splits"]

    def n_clips(folder, init):
        run = shutil.copytree(enrolled, tmp_path / folder)
        config = finetune.configs.saved(run, "train")
        config.init = str(init)
        OmegaConf.save(config, run / "config.yaml")
        return {same.n_clips for same in export(compose("export", f"run={run}", f"cache_dir={tmp_path}")).values()}

    held_back, elsewhere = judged["test_held_back"]["n_clips"], judged["test_elsewhere"]["n_clips"]
    assert n_clips("whole", heard_well / "recognizer.pt") == {held_back + elsewhere}
    assert n_clips("alone", tmp_path / "moved" / "recognizer.pt") == {held_back}
    for folder in ("whole", "alone"):
        card = Runtime(tmp_path / folder / "recognizer.onnx").card
        assert card == (enrolled / "model_card.md").read_text(encoding="utf-8")
        assert "- Before that: corpus.synthetic.Synthetic" in card
