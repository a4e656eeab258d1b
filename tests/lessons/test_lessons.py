import json
import sys

import numpy as np
import pytest
from commands import run_command
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from speech.backprop.check import Miss
from speech.backprop.linear import Linear
from speech.config.objects import UNAVAILABLE, instantiate
from speech.lessons.result import Place
from speech.lessons.run import run
from speech.lessons.timeseries import Scale, autoregression, rmse

QUICK = {
    "ocr": ["lesson.n_epochs=20", "lesson.test_part=0.8"],
    "spam": ["lesson.n_epochs=6"],
    "sentiment": ["lesson.n_epochs=5", "lesson.word_dropout=0", "lesson.dropout=0.1", "lesson.rate=5e-3"],
    "timeseries": ["lesson.n_steps=80", "lesson.rate=0.02"],
}
CHANCE = {"ocr": 0.3, "spam": 0.4, "sentiment": 0.7}  # accuracy or F1 that guessing does not reach
SAYS = {0: ["hello", "later", "home", "sir"], 1: ["prize", "call", "free", "urgent"]}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Made-up messages and reviews: one word of each tells its label."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "sentiment").mkdir()
    rng = np.random.default_rng(0)

    def rows(labels):
        for i in range(90):
            words = [SAYS[i % 2][rng.integers(4)], *(f"w{rng.integers(30)}" for _ in range(rng.integers(3, 9)))]
            yield " ".join(rng.permutation(words)), labels[i % 2]

    messages = "".join(f"{label}\t{text}\n" for text, label in rows(("ham", "spam")))
    (folder / "sms_spam.tsv").write_text(messages)
    for name in ("amazon_cells", "imdb", "yelp"):
        (folder / "sentiment" / f"{name}.txt").write_text("".join(f"{text}\t{label}\n" for text, label in rows("01")))
    return folder


@pytest.fixture
def lesson(compose, data, tmp_path):
    """A function that runs a lesson with settings laid over QUICK's, and returns its report."""

    def train(name, *overrides, seeds=(3,)):
        (tmp_path / "run").mkdir(exist_ok=True)
        place = Place(tmp_path / "run", list(seeds), data, tmp_path)
        return run(instantiate(compose("lesson", f"lesson={name}", *QUICK[name], *overrides).lesson), place)

    return train


@pytest.mark.parametrize("name", QUICK)
def test_a_lesson_trains_without_autograd_and_leaves_its_files(name, lesson, no_autograd, tmp_path):
    report = lesson(name)
    assert report == json.loads((tmp_path / "run" / "report.json").read_text())
    ours, *others = (figure["mean"] for figure in report["figures"].values())
    assert others
    assert 0 < report["largest_gradient_error"] < 1e-5
    if name == "timeseries":
        assert ours < report["figures"]["persistence, as the year before"]["mean"]
    else:
        assert ours > CHANCE[name]
    assert (tmp_path / "run" / "picture.png").read_bytes().startswith(b"\x89PNG")
    logs = {path.parent.name for path in (tmp_path / "run" / "tensorboard").rglob("events.out.tfevents.*")}
    assert logs == {"seed_3", "picture"}


def test_a_seed_decides_everything_and_seeds_are_averaged(lesson):
    both = lesson("spam", "lesson.n_epochs=1", seeds=[3, 4])["figures"]["network, gradients by hand"]
    again = lesson("spam", "lesson.n_epochs=1", seeds=[4])["figures"]["network, gradients by hand"]
    assert both["by_seed"][1] == again["mean"]
    assert both["mean"] == pytest.approx(np.mean(both["by_seed"]))
    assert both["spread"] == pytest.approx(np.std(both["by_seed"], ddof=1))


@pytest.mark.parametrize("name", QUICK)
def test_a_wrong_gradient_stops_the_run_before_it_trains(name, lesson, monkeypatch, tmp_path):
    right = Linear.backward

    def wrong(saved, grad_y):
        grad_x, grad_weight, grad_bias = right(saved, grad_y)
        return grad_x, 1.01 * grad_weight, grad_bias

    monkeypatch.setattr(Linear, "backward", staticmethod(wrong))
    with pytest.raises(Miss, match=r"the gradient of (hidden|output)\.weight is off by"):
        lesson(name)
    assert not (tmp_path / "run" / "report.json").exists()


@pytest.mark.parametrize("seeds", [3, [], ["a"], [-1], [0.5], [True], [1 << 32]])
def test_seeds_that_are_none_are_refused(tmp_path, seeds):
    with pytest.raises(ValueError, match=r"seeds=.*: a list of whole numbers from 0 to 4294967295 is needed"):
        Place(tmp_path, seeds, None, tmp_path)


def test_a_seed_that_is_given_twice_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"seeds=\[3, 4, 3\]: each seed once"):
        Place(tmp_path, [3, 4, 3], None, tmp_path)


def test_a_log_that_is_begun_anew_shows_nothing_of_the_one_before(tmp_path):
    for n_epochs in 3, 2:
        with Place(tmp_path, [0], None, tmp_path).log(0) as log:
            for epoch in range(n_epochs):
                log.add_scalar("loss", n_epochs, epoch)
    events = EventAccumulator(str(tmp_path / "tensorboard" / "seed_0"))
    events.Reload()
    assert [event.value for event in events.Scalars("loss")] == [2, 2]


@pytest.mark.parametrize(
    ("name", "setting", "message"),
    [
        ("ocr", "n_epochs=0", "a whole number of 1 or more"),
        ("ocr", "rate=0", "a number above 0"),
        ("spam", "test_part=1.0", "a number between 0 and 1"),
        ("ocr", "test_part=0", "a number between 0 and 1"),
        ("sentiment", "batch_size=-2", "a whole number of 1 or more"),
        ("sentiment", "dropout=1", "a number from 0 to below 1"),
        ("timeseries", "n_test=0", "a whole number of 1 or more"),
        ("timeseries", "largest_norm=-1", "a number above 0"),
        ("martin", "rate=-1", "a number above 0"),
        ("martin", "n_voices=0", "a whole number of 1 or more"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(compose, name, setting, message):
    with pytest.raises(UNAVAILABLE) as raised:  # Hydra's own exception, which has the lesson's as its cause
        instantiate(compose("lesson", f"lesson={name}", f"lesson.{setting}").lesson)
    assert str(raised.value.__cause__) == f"lesson.{setting}: {message} is needed"


@pytest.mark.parametrize(
    ("name", "setting"),
    [("spam", "min_messages=9999"), ("sentiment", "min_sentences=9999"), ("timeseries", "max_order=400")],
)
def test_a_number_that_is_too_large_for_the_data_is_named(lesson, name, setting):
    message = rf"^lesson\.{setting}: impossible with these data \(.*\): give a smaller number"
    with pytest.raises(ValueError, match=message):
        lesson(name, f"lesson.{setting}")


@pytest.mark.parametrize(("name", "test_part"), [("ocr", 0.001), ("ocr", 0.99), ("spam", 0.99), ("sentiment", 0.9999)])
def test_a_test_part_that_leaves_too_few_is_named_before_training(name, test_part, lesson, tmp_path):
    message = rf"^lesson\.test_part={test_part}: impossible with these data .* nearer to 0\.5$"
    with pytest.raises(ValueError, match=message):
        lesson(name, f"lesson.test_part={test_part}")
    assert not (tmp_path / "run" / "tensorboard").exists()


def test_a_training_that_diverges_is_told_with_the_way_out(lesson):
    with pytest.raises(
        ValueError, match=r"the training diverged \(x has .* NaN or infinite\): give a smaller lesson.rate"
    ):
        lesson("timeseries", "lesson.n_steps=2", "lesson.rate=1e200")


def test_a_missing_package_is_named_with_the_command_that_installs_it(lesson, monkeypatch):
    for module in ("sklearn", "sklearn.datasets"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ValueError, match=r"pip install 'speech-names\[lessons\]'"):
        lesson("ocr")


def test_the_command_prints_the_table_and_keeps_its_config(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = ["lesson=timeseries", "seeds=[0]", "lesson.n_steps=1", f"run_dir={tmp_path / 'run'}"]
    run_command("lesson", *given)
    assert "network, gradients by hand" in capsys.readouterr().out
    assert "n_steps: 1" in (tmp_path / "run" / "config.yaml").read_text()
    with pytest.raises(SystemExit, match="2"):
        run_command("lesson", *given, "lesson.n_steps=0")
    assert "error: lesson.n_steps=0: a whole number of 1 or more is needed" in capsys.readouterr().err


def test_a_folder_with_results_is_left_as_it_is(capsys, tmp_path):
    given = ["lesson=timeseries", "seeds=[0]", f"run_dir={tmp_path}"]
    run_command("lesson", *given, "lesson.n_steps=1")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(SystemExit, match="2"):
        run_command("lesson", *given, "lesson.n_steps=2")
    told = f"error: {tmp_path}: results exist there (report.json): give another run_dir=DIR"
    assert told in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_windows_longer_than_the_years_are_refused(lesson):
    with pytest.raises(ValueError, match=r"lesson\.n_test=259 of 309 years leave 50 to train on"):
        lesson("timeseries", "lesson.n_test=259")


def test_the_scale_of_a_series_is_undone_and_fits_only_its_values():
    values = np.array([0.0, 1, 4, 9, 100])
    scale = Scale(values[:4])
    assert scale.leave(scale.enter(values)) == pytest.approx(values)
    assert float(scale.enter(values[:4]).mean()) == pytest.approx(0)
    assert float(scale.enter(values[:4]).std(correction=0)) == pytest.approx(1)


def test_the_autoregression_reads_the_true_years_and_fits_none_of_the_test():
    rng = np.random.default_rng(0)
    values = np.zeros(300)
    for t in range(2, 300):
        values[t] = 1.6 * values[t - 1] - 0.9 * values[t - 2] + rng.normal()
    forecast = autoregression(values, 250, 6)
    assert rmse(forecast, values[250:]) == pytest.approx(1, abs=0.3)  # the noise's deviation
    later = values.copy()
    later[280:] += 50
    assert autoregression(later, 250, 6)[:30] == pytest.approx(forecast[:30])
