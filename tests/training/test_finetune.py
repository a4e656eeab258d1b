"""Fine-tuning: which parts are inherited, what is refused, and that the recogniser is better for it."""

import copy
import json
import shutil

import pytest
import torch
from conftest import PICTURES, SMALL
from spoken import speak

from speech.audio import files
from speech.config import compose as configs
from speech.config.tree import ConfigError
from speech.evaluation.prediction import predict
from speech.inference.errors import RecognizerError
from speech.inference.label_prior import LabelPrior
from speech.model.recognizer import Recognizer
from speech.text.phones import PHONES
from speech.training import corpora, finetune
from speech.training.prepare import N_PRIOR_BATCHES, prepare
from speech.training.run import train

QUIET = [f"callbacks.{name}=null" for name in (*PICTURES, "errors", "stop_early")]
QUIET.append("+trainer.enable_progress_bar=false")


@pytest.fixture(scope="module")
def initial_run(trained):
    """The folder of a run of two names by espeak's voices, which recognises most of them."""
    names = ["corpus.names=[Martin,Anna]", "corpus.n_train=120", "corpus.n_val=4", "corpus.n_test=20"]
    small = ["augment=none", "encoder.n_units=32", "batch_size=8"]
    small += ["trainer.max_epochs=8", "optimizer.lr=0.01"]
    return trained("initial_run", *names, *small, *QUIET)


@pytest.fixture(scope="module")
def odd_speaker(shared):
    """Recordings of a new name, and of an old one said strangely: Martin as others would say Oogoo."""

    def make(root):
        for name, spoken in (("Martin", "Oogoo"), ("Zoe", "Zoe")):
            (root / name).mkdir()
            for take in range(8):
                samples, rate = speak(spoken, draw=take)
                files.write(root / name / f"odd_{take}.wav", files.to_waveform(samples, rate, 16_000), 16_000)

    return shared("odd_speaker", make)


@pytest.fixture(scope="module")
def enrol(compose, odd_speaker):
    """Fine-tunes ``init`` on three recordings of each of the odd speaker's names; returns the report."""

    def run(init, run_dir, *overrides):
        choice = ["experiment=enrol", f"corpus.root={odd_speaker}", "corpus.n_recordings=3", *QUIET, *overrides]
        train(compose("train", *choice, f"init={init}", f"run_dir={run_dir}"))
        return json.loads((run_dir / "report.json").read_text())

    return run


@pytest.fixture(scope="module")
def enrolled(enrol, initial_run, shared):
    few = ["replay.n_steps=25", "trainer.max_epochs=4", "optimizer.lr=0.005"]
    return shared("enrolled", lambda run_dir: enrol(initial_run, run_dir, *few))


def test_three_recordings_of_a_speaker_are_enough_and_forget_little(enrolled):
    report = json.loads((enrolled / "report.json").read_text())
    before, after, change = (
        [of["splits"][split] for split in ("held_back", "source_domain")]
        for of in (report["before"], report, report["change"])
    )
    accuracy_before, accuracy, gain = (
        [one["closed_set_accuracy"]["value"] for one in of] for of in (before, after, change)
    )
    assert before[0]["n_clips"] == after[0]["n_clips"] == 2 * (8 - 3)
    assert accuracy_before[0] <= 0.5
    assert accuracy[0] >= 0.9
    assert gain[0] == pytest.approx(accuracy[0] - accuracy_before[0])
    assert change[0]["closed_set_accuracy"]["p"] < 0.1
    assert after[1]["n_clips"] > 50
    assert accuracy_before[1] > 0.9
    assert gain[1] > -0.05
    names = Recognizer.load(enrolled / "recognizer.pt").names
    assert {name.lower() for name in names} == {"martin", "anna", "zoe"}, "the new ones beside the old"


def test_a_run_that_has_learnt_its_names_is_not_told_to_train_longer(initial_run):
    assert json.loads((initial_run / "report.json").read_text())["unlearnt"] is None
    assert "not learnt" not in (initial_run / "model_card.md").read_text()


def test_the_run_keeps_the_inherited_parts_and_its_card_names_both_corpora(enrolled, initial_run):
    ours, theirs = (Recognizer.load(folder / "recognizer.pt") for folder in (enrolled, initial_run))
    assert {part: ours.parts[part] for part in finetune.PARTS} == {part: theirs.parts[part] for part in finetune.PARTS}
    config = configs.saved(enrolled, "train")
    assert config.encoder.n_units == 32
    assert config.init == str(initial_run / "recognizer.pt")
    card = (enrolled / "model_card.md").read_text()
    assert "enrolment.Enrolment" in card
    assert "synthetic.Synthetic" in card
    assert "espeak-ng (GPL-3.0-or-later)" in card


def test_the_final_weights_are_interpolated_by_alpha(enrolled, initial_run):
    ours, theirs = (Recognizer.load(folder / "recognizer.pt").state_dict() for folder in (enrolled, initial_run))
    checkpoint = torch.load(enrolled / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    tuned = {name.removeprefix("recognizer."): weight for name, weight in checkpoint.items()}
    assert configs.saved(enrolled, "train").wise_ft_alpha == 0.7
    for name, weight in ours.items():
        torch.testing.assert_close(weight, 0.3 * theirs[name] + 0.7 * tuned[name])
    moved = [name for name in ours if not torch.equal(tuned[name], theirs[name])]
    assert len(moved) > 10, "or the claim is of nothing"


def test_alpha_1_gives_the_tuned_weights_and_0_the_initial_ones():
    initial, tuned = ({"weight": torch.randn(3, 2), "n": torch.tensor(n)} for n in (1, 2))
    for alpha, end in ((1, tuned), (0, initial)):
        found = finetune.interpolate_weights(initial, tuned, alpha)
        torch.testing.assert_close(found["weight"], end["weight"], rtol=0, atol=0)
        assert found["n"] == 2, "a count is not interpolated"


def test_the_evaluation_before_is_the_initial_recognisers_own(enrolled, initial_run):
    recognizer = Recognizer.load(initial_run / "recognizer.pt")
    names = Recognizer.load(enrolled / "recognizer.pt").names
    data = corpora.make_data(configs.saved(enrolled, "train"), recognizer)
    predictions = predict(recognizer, data.loader("source_domain"), [names])
    right = sum(one.names[0][0] == one.ref for one in predictions)
    before = json.loads((enrolled / "report.json").read_text())["before"]["splits"]["source_domain"]
    assert before["closed_set_accuracy"]["value"] == right / len(predictions)


def test_the_evaluation_before_ranks_as_the_initial_recogniser_ranks(initial_run, enrol, tmp_path):
    """Of the two names, its prior takes so much off one that it is never first."""
    initial = shutil.copytree(initial_run, tmp_path / "initial") / "recognizer.pt"
    recognizer = Recognizer.load(initial)
    assert recognizer.label_prior is None
    rare = [symbol in recognizer.alphabet.encode("mrti") for symbol in range(len(recognizer.alphabet))]
    recognizer.label_prior = LabelPrior([[0.0 if often else -30.0 for often in rare]], [1.0])
    recognizer.save(initial)
    report = enrol(initial, tmp_path / "run", "replay.n_steps=1", "trainer.max_epochs=1")
    assert report["before"]["names"]["martin"]["closed_set_accuracy"]["value"] == 0
    assert report["before"]["names"]["anna"]["closed_set_accuracy"]["value"] == 1


def test_without_replay_only_held_back_recordings_are_evaluated(initial_run, enrol, tmp_path):
    splits = enrol(initial_run, tmp_path, "trainer.max_epochs=1", "replay=null")["splits"]
    assert "held_back" in splits
    assert "source_domain" not in splits


def test_a_second_fine_tuning_replays_both_earlier_corpora(enrolled, initial_run):
    folders = [folder for folder, _ in finetune.earlier_runs(str(enrolled / "recognizer.pt"))]
    assert folders == [enrolled, initial_run]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("alphabet=abcdefghijklmnopqrstuvwxyz", r"its alphabet differs .*alphabet=null.*init=null"),
        ("encoder.n_units=48", r"its encoder differs from this config's \(n_units: there 16, here 48\).*~encoder"),
        ("encoder=lstm", r"its encoder differs .*\(cell: there 'gru', here 'lstm'\)"),
        ("frontend=logmel", r"its frontend differs .*~frontend"),
        ("encoder.kernel=3", r"its encoder differs from this config's \(kernel: there 5, here 3\)"),
    ],
)
def test_a_recogniser_of_other_parts_is_refused_with_the_way_out(compose, small_run, tmp_path, override, message):
    changed = [c for c in SMALL if not override.startswith(c.split("=")[0])]
    composed = compose("train", *changed, override, f"init={small_run}", f"run_dir={tmp_path}")
    with pytest.raises(ConfigError, match=message):
        finetune.inherit_parts(composed)


def test_dropout_may_differ(compose, small_run):
    composed = compose("train", *SMALL, "encoder.dropout=0.5", f"init={small_run}", "run_dir=nowhere")
    assert finetune.inherit_parts(composed).names == ["Martin", "Mark"]
    assert composed.encoder.dropout == 0.5


@pytest.mark.parametrize(("cell", "n_layers"), [("gru", 1), ("gru", 3), ("lstm", 2)])
def test_the_forward_half_equals_the_whole_with_silent_backward_layers(make_recognizer, cell, n_layers):
    whole = make_recognizer(cell=cell, n_layers=n_layers, n_units=8, phones=True)
    half = finetune.forward_half(whole, whole.parts | {"encoder": whole.parts["encoder"] | {"bidirectional": False}})
    features, n_frames = torch.randn(2, 50, 20), torch.tensor([50, 31])
    before = whole.encoder(features, n_frames)[0]
    for parameter in whole.encoder.backwards.parameters():
        parameter.data.zero_()
    silent, _ = whole.encoder(features, n_frames)
    torch.testing.assert_close(half.encoder(features, n_frames)[0], silent)
    assert not torch.allclose(before, silent, atol=0.01)
    assert finetune.forward_half(whole, whole.parts) is whole


def test_a_streaming_recogniser_inherits_one_half_and_fits_its_own_prior(compose, small_run, tmp_path):
    streams = ["frontend=streaming", "encoder.bidirectional=false", f"init={small_run}", f"run_dir={tmp_path}"]
    prepared = prepare(compose("train", *SMALL, *streams))
    ours, theirs = prepared.recognizer, Recognizer.load(small_run)
    assert ours.n_state > 0
    assert torch.equal(ours.encoder.forwards[1].weight_hh_l0, theirs.encoder.forwards[1].weight_hh_l0)
    assert torch.equal(ours.encoder.output.weight, theirs.encoder.output.weight[:, :16])
    batches = prepared.data.split("train").sample(N_PRIOR_BATCHES, 4)
    again = copy.deepcopy(ours.frontend)
    again.fit_cmvn_prior((batch.waveforms, batch.n_samples) for batch in batches)
    torch.testing.assert_close(ours.frontend.prior_mean, again.prior_mean)
    assert not torch.allclose(ours.frontend.prior_mean, theirs.frontend.prior_mean, atol=0.1)


def test_a_file_that_cannot_be_fine_tuned_or_replayed_is_named(compose, small_run, recordings, tmp_path):
    shutil.copy(small_run / "recognizer.pt", tmp_path / "alone.pt")
    (tmp_path / "broken.pt").write_bytes(b"no recogniser")
    enrol = ["experiment=enrol", f"corpus.root={recordings}", "corpus.n_recordings=1", f"run_dir={tmp_path / 'run'}"]
    scratch = ["init=null", "wise_ft_alpha=1", "frontend=mfcc", "encoder=gru", "alphabet=abcdefghijklmnop"]
    for overrides, error, message in (
        ([f"init={tmp_path / 'alone.pt'}"], FileNotFoundError, r"alone\.pt: no config\.yaml beside it.*replay=null"),
        ([f"init={tmp_path / 'nowhere.pt'}"], FileNotFoundError, r"init=.*nowhere\.pt: no such file"),
        ([f"init={tmp_path / 'broken.pt'}"], RecognizerError, "not a recogniser file"),
        (scratch, ConfigError, "replay mixes in clips that another recogniser was trained on: give init="),
    ):
        with pytest.raises(error, match=message):
            train(compose("train", *enrol, *overrides))


def test_replay_and_sequences_are_not_of_one_batch(compose, small_run, recordings, tmp_path):
    both = compose("train", "experiment=enrol", f"corpus.root={recordings}", f"init={small_run}", f"run_dir={tmp_path}")
    both.concatenate = compose("train", "experiment=streaming").concatenate
    message = "replay and concatenate both define the contents of a batch: set one of them"
    with pytest.raises(ConfigError, match=message):
        train(both)


def test_newest_is_the_newest_run_trained_from_scratch(compose, small_run, enrolled, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, run in (("first", small_run), ("second", enrolled)):
        shutil.copytree(run, tmp_path / "runs" / name)
    composed = compose("train", *SMALL, "init=newest", "run_dir=nowhere")
    finetune.inherit_parts(composed)
    assert composed.init == str(tmp_path / "runs" / "first" / "recognizer.pt"), "by its path, for a resumed run"


@pytest.fixture
def phonetic(make_recognizer, tmp_path):
    """The file of a recogniser with an output for phones, in an order of its own."""
    make_recognizer(phones=PHONES[::-1], names=(), n_units=16, n_layers=1).save(tmp_path / "phonetic.pt")
    return tmp_path / "phonetic.pt"


def fine_tuned(compose, init, phones):
    """A config that inherits everything from ``init`` but, maybe, the phones."""
    composed = compose("train", f"phones={phones}", f"init={init}", "run_dir=nowhere")
    composed.alphabet = composed.frontend = composed.encoder = None
    return composed


@pytest.mark.parametrize("phones", ["null", "true"])
def test_phones_are_inherited_in_their_own_order(compose, phonetic, phones):
    composed = fine_tuned(compose, phonetic, phones)
    assert finetune.inherit_parts(composed).inventory.phones == PHONES[::-1]
    assert list(composed.phones) == PHONES[::-1]


def test_a_config_with_phones_needs_a_recogniser_with_phones(compose, phonetic, make_recognizer, tmp_path):
    with pytest.raises(ConfigError, match=r"its phones differs .*there True, here False.*phones=null"):
        finetune.inherit_parts(fine_tuned(compose, phonetic, "false"))
    make_recognizer(n_units=16, n_layers=1).save(tmp_path / "letters.pt")
    with pytest.raises(ConfigError, match=r"its phones differs .*there False, here True.*phones=null"):
        finetune.inherit_parts(fine_tuned(compose, tmp_path / "letters.pt", "true"))
    for left in ("null", "false"):
        composed = fine_tuned(compose, tmp_path / "letters.pt", left)
        assert finetune.inherit_parts(composed).inventory is None
        assert not composed.phones


def test_test_clips_are_found_again_without_those_of_a_lost_run(enrolled, initial_run, monkeypatch):
    monkeypatch.setattr(corpora, "build", lambda *_: pytest.fail("clips were rendered"))
    recognizer = Recognizer.load(enrolled / "recognizer.pt")
    splits = json.loads((enrolled / "report.json").read_text())["splits"]

    def n_clips(init):
        config = configs.saved(enrolled, "train")
        config.init = str(init)
        data = corpora.test_data(enrolled, config, recognizer)
        return {split: len(data.datasets[split]) for split in data.test_splits}

    evaluated = {split: splits[split]["n_clips"] for split in ("held_back", "source_domain")}
    assert n_clips(initial_run / "recognizer.pt") == evaluated
    assert n_clips(initial_run / "moved" / "recognizer.pt") == {"held_back": evaluated["held_back"]}
