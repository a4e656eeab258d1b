"""scripts/check_gradients.py: its table says what is right, and a wrong derivative ends it with status 1."""

import importlib.util
import re
from pathlib import Path

import pytest

from speech.backprop.linear import Linear

PATH = Path(__file__).parents[2] / "scripts" / "check_gradients.py"
LINE = re.compile(r"  (?P<name>\S.*?) +(?P<shape>\d+(?: x \d+)*) +\S+e\S+ +\S+e\S+ +\S+  (?P<verdict>ok|MISS)")


@pytest.fixture
def run(monkeypatch, cache, capsys):
    """The script's exit status and its table: the verdict on each gradient by its name."""
    spec = importlib.util.spec_from_file_location("check_gradients", PATH)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)

    def run(*arguments):
        monkeypatch.setattr("sys.argv", [str(PATH), *arguments, f"cache_dir={cache}"])
        with pytest.raises(SystemExit) as ended:
            script.main()
        out = capsys.readouterr().out
        return ended.value.code, {m["name"]: m["verdict"] for m in LINE.finditer(out)}, out

    return run


def test_every_gradient_is_listed_and_right(run):
    status, verdicts, out = run("encoder=rnn", "encoder.n_units=4", "encoder.n_layers=1")
    assert status == 0
    assert set(verdicts.values()) == {"ok"}
    assert {"Ctc: log_probs", "Gru: weight_hh", "frontend.power", "encoder.forwards.0.bias_hh_l0"} <= set(verdicts)
    assert {"logits", "losses", "waveforms"} <= set(verdicts)
    table = [line for line in out.splitlines() if line.endswith("ok")]
    assert len({line.rindex(" ok") for line in table}) == 1, "the columns stand under one another"
    assert len(table) == int(re.search(r"(\d+) gradients, 0 wrong", out)[1])
    assert re.search(r"against autograd, .*\n.* against central differences, .*\n$", out)


def test_a_recogniser_that_hears_phones_too_is_checked_whole(run):
    status, verdicts, _ = run("phones=true", "encoder=rnn", "encoder.n_units=4", "encoder.n_layers=1")
    assert status == 0
    assert {"EachCtc: log_probs", "EachLogSoftmax: x", "logits", "encoder.output.weight"} <= set(verdicts)


def test_an_encoder_whose_layers_alone_are_by_hand_is_held_against_torchs(run):
    status, verdicts, _ = run("encoder=gru_by_hand", "encoder.n_units=4", "encoder.n_layers=1", "frontend=mfcc_delta")
    assert status == 0
    assert verdicts["encoder.backwards.0.weight_hh_l0"] == "ok"


def test_a_planted_fault_is_a_miss_and_the_exit_status_says_so(run, monkeypatch):
    right = Linear.backward

    def forgets_the_bias(saved, grad_y):
        grad_x, grad_weight, grad_bias = right(saved, grad_y)
        return grad_x, grad_weight, 0 * grad_bias

    monkeypatch.setattr(Linear, "backward", staticmethod(forgets_the_bias))
    status, verdicts, out = run("encoder=rnn", "encoder.n_units=4", "encoder.n_layers=1")
    assert status == 1
    assert {name for name, verdict in verdicts.items() if verdict == "MISS"} == {"Linear: bias", "encoder.output.bias"}
    assert ", 2 wrong" in out


def test_a_misspelt_choice_is_told_before_anything_is_done(run):
    status, verdicts, _ = run("encoder=lstn")
    assert status == 2
    assert not verdicts
