"""How long a training is: by steps where the user does not say, and told where it was not enough."""

import json

import pytest
from conftest import SMALL, train_until
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from training.test_run import again, same_weights

from speech.config.tree import ConfigError
from speech.data.samplers import BucketSampler
from speech.training.length import Length, length, longer
from speech.training.run import train

OPEN = [override for override in SMALL if "max_epochs" not in override]  # its length is left open


def steps_of(run_dir):
    report = json.loads((run_dir / "report.json").read_text())
    return report["epochs"], report["steps"]


@pytest.fixture(scope="module")
def open_length_run(trained):
    """The folder of a small training whose length follows from its corpus."""
    return trained("open_length_run", *OPEN, "length.n_epochs=2", "length.n_steps=7")  # of 3 batches a pass


def test_a_training_has_a_thousand_steps_or_five_passes_over_its_clips(compose):
    config = compose("train")
    n_epochs, n_steps = length(config)
    assert n_epochs == 5
    steps_an_epoch = {40 * 560: 234, 3 * 560: 210, 720: 203, 3_000: 219, 10: 200}  # by the number of clips
    for n_clips, n in steps_an_epoch.items():
        assert len(BucketSampler(range(n_clips), config.batch_size, n_steps=n_steps)) == n


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["trainer.max_epochs=3"], (3, 1)),
        (["trainer.max_steps=50"], (-1, 200)),
        (["+trainer.max_time=00:00:10:00"], (5, 200)),
        (["experiment=quick"], (6, 1)),
        (["trainer=debug"], (1, 1)),
        (["trainer.max_epochs=-1", "trainer.max_steps=9"], (-1, 1)),  # as Lightning has it
    ],
)
def test_what_the_user_or_an_experiment_says_wins(compose, overrides, expected):
    assert length(compose("train", *overrides)) == Length(*expected)


@pytest.mark.parametrize("given", ["0", "-1", "abc", "1.5", "true"])
def test_a_number_of_epochs_that_is_none_is_told(compose, given):
    with pytest.raises(ConfigError, match=r"^trainer\.max_epochs=.* must be a whole number, 1 or more, or null$"):
        length(compose("train", f"trainer.max_epochs={given}"))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["length.n_steps=0"], "n_steps=0"),
        (["length.n_epochs=2.5"], "n_epochs=2.5"),
        (["length.n_steps=many", "trainer.max_epochs=1"], "n_steps=many"),  # its last line would read it
        (["length=null"], "n_epochs=None"),
    ],
)
def test_a_length_that_is_none_is_told(compose, given, told):
    with pytest.raises(ConfigError, match=rf"length\.{told} must be a whole number"):
        length(compose("train", *given))


def test_a_training_ends_after_its_time_with_all_that_it_leaves(compose, tmp_path):
    limits = ["trainer.max_epochs=500", "+trainer.max_time={seconds: 1}"]
    train(compose("train", *OPEN, *limits, f"run_dir={tmp_path}"))
    assert 0 < steps_of(tmp_path)[0] < 500
    assert (tmp_path / "recognizer.pt").is_file()


def test_few_clips_are_all_drawn_equally_often():
    drawn = [i for step in BucketSampler(range(13), 4, n_steps=10) for i in step.clips]
    assert sorted(drawn) == sorted(4 * list(range(13)))


def test_the_learning_rate_falls_to_its_last_at_the_last_step(open_length_run):
    assert steps_of(open_length_run) == (2, 18)
    events = EventAccumulator(str(open_length_run / "tensorboard")).Reload()
    rates = {event.step: event.value for event in events.Scalars("lr-AdamW")}
    assert max(rates) == 17
    assert rates[17] < 0.05 * max(rates.values()) <= rates[2]


def test_interrupted_between_two_passes_and_resumed_it_ends_the_same(open_length_run, tmp_path):
    config = again(open_length_run, tmp_path)
    train_until(11, config)
    train(config, resume=True)
    assert steps_of(tmp_path) == (2, 18)
    assert same_weights(tmp_path, open_length_run)


@pytest.mark.parametrize("n_steps", [2, 11])  # in the first epoch of 9, and in the second
def test_a_number_of_steps_ends_it_validated_wherever_that_is(compose, tmp_path, n_steps):
    train(compose("train", *OPEN, "length.n_steps=7", f"trainer.max_steps={n_steps}", f"run_dir={tmp_path}"))
    assert steps_of(tmp_path)[1] == n_steps
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [event.step for event in events.Scalars("val/cer")][-1] == n_steps - 1


@pytest.mark.parametrize(
    ("given", "after", "option"),
    [
        ([], (5, 1_000), "length.n_epochs=10"),
        (["trainer.max_steps=600"], (3, 600), "trainer.max_steps=1200"),
        (["trainer.max_epochs=2"], (2, 16), "trainer.max_epochs=null"),
        (["trainer.max_epochs=80"], (80, 1_200), "trainer.max_epochs=160"),
    ],
)
def test_the_option_for_a_longer_training_fits_how_its_length_was_given(compose, given, after, option):
    assert longer(compose("train", *given), *after) == option


def test_a_run_that_learnt_nothing_says_so_in_output_report_and_card(compose, tmp_path, capsys):
    """The planted fault is a learning rate of nearly 0."""
    few = [override for override in SMALL if "max_epochs" not in override and "n_val" not in override]
    few += ["corpus.n_val=16", "optimizer.lr=1e-9", "trainer.max_epochs=1"]
    train(compose("train", *few, f"run_dir={tmp_path}"))
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("not learnt: ")]
    assert " of 32 validation clips, chance gives 16" in line
    assert "train longer (trainer.max_epochs=null)" in line
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["unlearnt"]["n_clips"] == 32
    assert line in (tmp_path / "model_card.md").read_text()
