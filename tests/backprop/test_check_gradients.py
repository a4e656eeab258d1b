"""scripts/check_gradients.py: its table says what is right, and a wrong derivative ends it with status 1."""

import re

import check_gradients as script
import pytest
from proof import seeded
from test_whole_recognizer import CELLS, sounds, tiny

from speech.backprop.linear import Linear
from speech.config.tree import CONF
from speech.data.source import CorpusError

LINE = re.compile(r"  (?P<name>\S.*?) +(?P<shape>\d+(?: x \d+)*) +\S+e\S+ +\S+e\S+ +\S+  (?P<verdict>ok|MISS)")
ENCODERS, FRONTENDS = (
    [path.stem for path in sorted((CONF / group).glob("*.yaml"))] for group in ("encoder", "frontend")
)
PAIRS = [*((encoder, "mfcc") for encoder in ENCODERS), *(("gru", one) for one in FRONTENDS if one != "mfcc")]
PAIRS.remove(("gru", "streaming"))
SMALL = ["encoder.n_units=4", "encoder.n_layers=1"]


@pytest.fixture
def run(monkeypatch, cache, capsys):
    """The script's exit status, the verdict on each gradient by its name, and the whole output."""

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["check_gradients.py", *arguments, f"cache_dir={cache}"])
        with pytest.raises(SystemExit) as ended:
            script.main()
        out = capsys.readouterr().out
        return ended.value.code, {m["name"]: m["verdict"] for m in LINE.finditer(out)}, out

    return run


def test_every_gradient_is_listed_and_right(run):
    status, verdicts, out = run(*SMALL, "encoder=rnn", "phones=true")
    assert status == 0
    assert set(verdicts.values()) == {"ok"}
    listed = {"Ctc: log_probs", "EachCtc: log_probs", "Gru: weight_hh", "encoder.forwards.0.bias_hh_l0", "waveforms"}
    assert listed | {"frontend.power", "logits", "losses"} <= set(verdicts)
    table = [line for line in out.splitlines() if line.endswith("ok")]
    assert len({line.rindex(" ok") for line in table}) == 1, "the columns are aligned"
    assert len(table) == int(re.search(r"(\d+) gradients, 0 wrong", out)[1])
    assert re.search(r"against autograd, .*\n.* against central differences, .*\n$", out)


def test_a_gradient_off_by_1e_9_is_a_miss_and_the_exit_status_is_1(run, monkeypatch):
    right = Linear.backward

    def nearly(saved, grad_y):
        grad_x, grad_weight, grad_bias = right(saved, grad_y)
        return grad_x, grad_weight, (1 + 1e-9) * grad_bias

    monkeypatch.setattr(Linear, "backward", staticmethod(nearly))
    status, verdicts, out = run(*SMALL, "encoder=rnn")
    assert status == 1
    assert {name for name, verdict in verdicts.items() if verdict == "MISS"} == {"Linear: bias", "encoder.output.bias"}
    assert ", 2 wrong" in out


def test_a_misspelt_choice_is_reported_before_anything_is_run(run):
    status, verdicts, _ = run("encoder=lstn")
    assert status == 2
    assert not verdicts


@pytest.fixture(scope="module")
def batch(compose):
    batch = script.read_batch(compose("train", *script.TINY, "augment=none"))
    assert len(set(batch.n_samples.tolist())) > 1
    return batch


@pytest.mark.parametrize(("encoder", "frontend"), PAIRS)
def test_every_encoder_and_front_end_has_right_gradients(compose, batch, encoder, frontend):
    config = compose("train", f"encoder={encoder}", f"frontend={frontend}", "encoder.n_units=16")
    rows = list(script.of_recognizer(config, batch))
    assert {"logits", "encoder.forwards.0.bias_hh_l0", "encoder.output.bias", "waveforms"} <= {row.name for row in rows}
    assert not [row for row in rows if not row.is_right]


def test_a_corpus_without_a_clip_to_train_on_is_told(compose):
    with pytest.raises(CorpusError, match="no usable clips in split train"):
        script.read_batch(compose("train", "augment=none", *script.TINY, "corpus.names=[A]", "corpus.n_train=1"))


@pytest.mark.parametrize("asked", ["-h", "--help"])
def test_its_help_is_its_docstring(monkeypatch, capsys, asked):
    monkeypatch.setattr("sys.argv", ["check_gradients.py", asked])
    script.main()
    assert capsys.readouterr().out == f"{script.__doc__}\n"


def test_a_front_end_without_a_backward_pass_by_hand_is_refused(compose, batch):
    with pytest.raises(ValueError, match="a running average has no hand-written backward: use gradients=torch"):
        list(script.of_recognizer(compose("train", "frontend=streaming", "encoder.n_units=16"), batch))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("changes", [{}, {"n_mfcc": None, "n_deltas": 0}, {"bidirectional": False}, {"phones": True}])
def test_every_intermediate_value_has_autograds_gradient(cell, changes):
    draw = seeded(0)
    _, rows = script.of_steps(tiny(draw, cell, **changes), sounds(draw, "phones" in changes))
    # Infinite losses are left out by a choice, which autograd has no slope for: torch gives 0, and so do we.
    assert {"frontend.log", "encoder.layer.1", "logits", "losses", "loss"} <= {row.name for row in rows}
    assert max(row.autograd for row in rows) < 1e-11
