import json

import numpy as np
import pytest
import torch

from speech.backprop.check import Miss
from speech.backprop.linear import Linear
from speech.config import tree
from speech.lessons.run import lesson
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
def teach(compose, data, tmp_path):
    def run(name, *overrides, run_dir="run"):
        place = [f"data_dir={data}", f"run_dir={tmp_path / run_dir}"]
        return lesson(compose("lesson", f"lesson={name}", *QUICK[name], "seeds=[3]", *place, *overrides))

    return run


@pytest.fixture
def no_autograd(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("autograd was asked for a gradient")

    for owner, name in ((torch.autograd, "backward"), (torch.autograd, "grad"), (torch.Tensor, "backward")):
        monkeypatch.setattr(owner, name, refuse)
    with pytest.raises(AssertionError, match="autograd was asked"):
        torch.ones(1, requires_grad=True).sum().backward()


@pytest.mark.parametrize("name", QUICK)
def test_a_lesson_learns_without_autograd_and_leaves_its_report_picture_and_log(name, teach, no_autograd, tmp_path):
    report = teach(name)
    assert report == json.loads((tmp_path / "run" / "report.json").read_text())
    ours, *others = (figure["mean"] for figure in report["figures"].values())
    assert others
    assert 0 < report["largest_gradient_error"] < 1e-5
    if name == "timeseries":
        assert ours < report["figures"]["persistence, as the year before"]["mean"]
    else:
        assert ours > CHANCE[name]
    assert (tmp_path / "run" / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "run" / "config.yaml").is_file()
    logs = {path.parent.name for path in (tmp_path / "run" / "tensorboard").rglob("events.out.tfevents.*")}
    assert logs == {"seed_3", "picture"}


def test_a_seed_decides_everything_and_seeds_are_summed_up(teach):
    both = teach("spam", "seeds=[3,4]")["figures"]["network, gradients by hand"]
    again = teach("spam", "seeds=[4]", run_dir="again")["figures"]["network, gradients by hand"]
    assert both["by_seed"][1] == again["mean"]
    assert both["mean"] == pytest.approx(np.mean(both["by_seed"]))
    assert both["spread"] == pytest.approx(np.std(both["by_seed"], ddof=1))


@pytest.mark.parametrize("name", QUICK)
def test_a_wrong_gradient_stops_the_run_before_it_learns(name, teach, monkeypatch, tmp_path):
    right = Linear.backward

    def wrong(saved, grad_y):
        grad_x, grad_weight, grad_bias = right(saved, grad_y)
        return grad_x, 1.01 * grad_weight, grad_bias

    monkeypatch.setattr(Linear, "backward", staticmethod(wrong))
    with pytest.raises(Miss, match=r"the gradient of (hidden|output)\.weight is off by"):
        teach(name)
    assert not (tmp_path / "run" / "report.json").exists()


@pytest.mark.parametrize("seeds", ["3", "[]", "[a]", "[-1]", "[0.5]", "[true]"])
def test_seeds_that_are_none_are_refused(teach, seeds):
    with pytest.raises(ValueError, match=r"seeds=.*: a list of whole numbers from 0 is needed, as seeds=\[0,1,2\]"):
        teach("ocr", f"seeds={seeds}")


@pytest.mark.parametrize(
    ("name", "setting", "message"),
    [
        ("ocr", "n_epochs=0", "a whole number from 1"),
        ("ocr", "rate=fast", "a number above 0"),
        ("spam", "test_part=1.0", "a number from 0 to less than 1"),
        ("sentiment", "batch_size=2.5", "a whole number from 1"),
        ("sentiment", "dropout=1", "a number from 0 to less than 1"),
        ("timeseries", "n_test=0", "a whole number from 1"),
        ("timeseries", "largest_norm=-1", "a number above 0"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_told_without_a_traceback(teach, capsys, name, setting, message):
    with pytest.raises(SystemExit) as ended:
        tree.explained(lambda: teach(name, f"lesson.{setting}"))
    assert ended.value.code == 2
    assert f"lesson.{setting}: {message} is needed" in capsys.readouterr().err


def test_a_missing_package_is_named_with_the_command_that_installs_it(teach, monkeypatch, capsys):
    for module in ("sklearn", "sklearn.datasets"):
        monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(SystemExit) as ended:
        tree.explained(lambda: teach("ocr"))
    assert ended.value.code == 2
    assert "pip install -e '.[lessons]'" in capsys.readouterr().err


def test_windows_longer_than_the_years_are_refused(teach):
    with pytest.raises(ValueError, match=r"lesson\.n_test=259 of 309 years leave 50 to learn from"):
        teach("timeseries", "lesson.n_test=259")


def test_the_scale_of_a_series_is_undone_and_asks_only_what_it_was_given():
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
