"""Training with backprop=all is training with autograd, step for step, and asks nothing of autograd."""

import json

import numpy as np
import pytest
import torch
from conftest import SMALL, train_until
from proof import seeded
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from test_whole_recognizer import hold_all, sounds, tiny

from speech.backprop import optimizers
from speech.data.augment.spec import SpecAugment
from speech.model.recognizer import Recognizer
from speech.training.adamw import AdamW
from speech.training.autograd import Autograd
from speech.training.manual import ByHand
from speech.training.run import train
from speech.training.task import SpellingTask

N_STEPS = 100
LARGEST = 1.0  # of the gradient's norm: below what most steps have, so that clipping works
ADAMW = {"lr": 0.01, "betas": (0.9, 0.99), "eps": 1e-8, "weight_decay": 0.05}


def trained(start, batches, source, step, n_steps=N_STEPS):
    """The losses and the weights after ``n_steps`` from ``start``; ``step(recognizer)`` makes what moves them."""
    recognizer = tiny(seeded(0), start.encoder.cell, start.encoder.dropout.p, phones=start.inventory is not None)
    recognizer.load_state_dict(start.state_dict())
    move, losses = step(recognizer), []
    for i in range(n_steps):
        torch.manual_seed(i)
        recognizer.zero_grad()
        loss, *_ = source.forward(recognizer, batches[i % len(batches)])
        source.backward(loss)
        source.clip(recognizer.parameters(), LARGEST)
        move()
        losses.append(float(loss.detach()))
    return torch.tensor(losses, dtype=torch.float64), recognizer.state_dict()


def optimizer(make):
    return lambda recognizer: make(recognizer.parameters()).step


def by_rule(rule):
    """``rule(parameters, grads)`` on the recogniser's own tensors."""

    def step(recognizer):
        named = dict(recognizer.named_parameters())
        return lambda: rule({k: p.data for k, p in named.items()}, {k: p.grad for k, p in named.items()})

    return step


def rules():
    """Each update rule: how it is made by hand, and torch's."""
    velocity = {}
    return {
        "sgd": (by_rule(lambda p, g: optimizers.sgd(p, g, 0.1)), optimizer(lambda p: torch.optim.SGD(p, lr=0.1))),
        "momentum": (
            by_rule(lambda p, g: optimizers.momentum(p, g, velocity, rate=0.05, decay=0.9)),
            optimizer(lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9)),
        ),
        "adamw": (
            optimizer(lambda p: AdamW(p, **ADAMW)),
            optimizer(lambda p: torch.optim.AdamW(p, **ADAMW)),
        ),
    }


def assert_same(ours, theirs, tolerance):
    """The same losses and weights; each of the latter within ``tolerance``."""
    (our_losses, our_weights), (their_losses, their_weights) = ours, theirs
    assert torch.allclose(our_losses, their_losses, rtol=tolerance, atol=tolerance)
    for name, weight in their_weights.items():
        assert torch.allclose(our_weights[name], weight, rtol=0, atol=tolerance), name


def prove_steps(module, _draw=None, n_steps=5):
    """Raise unless ByHand gives Autograd's gradients, and AdamW takes torch's steps; ``module`` may hold its own."""
    by_hand, adamw = getattr(module, "ByHand", ByHand), getattr(module, "AdamW", AdamW)
    start, batches = tiny(seeded(0), "gru", dropout=0.3), [sounds(seeded(i)) for i in range(3)]
    grads = []
    for source in (by_hand(), Autograd()):
        recognizer = tiny(seeded(0), "gru", dropout=0.3)
        torch.manual_seed(0)
        source.backward(source.forward(recognizer, batches[0]).loss)
        grads.append({name: parameter.grad for name, parameter in recognizer.named_parameters()})
    hold_all(*grads)
    ours = trained(start, batches, by_hand(), optimizer(lambda p: adamw(p, **ADAMW)), n_steps)
    theirs = trained(start, batches, Autograd(), optimizer(lambda p: torch.optim.AdamW(p, **ADAMW)), n_steps)
    assert_same(ours, theirs, 1e-10)


@pytest.mark.parametrize(
    ("cell", "rule"), [("rnn", "adamw"), ("gru", "adamw"), ("lstm", "adamw"), ("gru", "sgd"), ("lstm", "momentum")]
)
def test_a_hundred_steps_by_hand_and_by_autograd_end_at_the_same_weights(cell, rule):
    ours, theirs = rules()[rule]
    start, batches = tiny(seeded(0), cell), [sounds(seeded(i)) for i in range(3)]
    end = trained(start, batches, Autograd(), theirs)
    assert_same(trained(start, batches, ByHand(), ours), end, 1e-9)
    losses, weights = end
    assert losses[-9:].mean() < losses[:9].mean(), "it is learning that is compared"
    assert not any(torch.equal(weights[name], p) for name, p in start.named_parameters())


def test_phones_beside_letters_are_learnt_alike_by_hand_and_by_autograd():
    ours, theirs = rules()["adamw"]
    start, batches = tiny(seeded(0), phones=True), [sounds(seeded(i), phones=True) for i in range(3)]
    end = trained(start, batches, Autograd(), theirs, n_steps=30)
    assert_same(trained(start, batches, ByHand(), ours, n_steps=30), end, 1e-9)
    letters, _ = start.n_symbols
    moved = end[1]["encoder.output.weight"] - start.encoder.output.weight.detach()
    assert moved[:letters].abs().min() > 0
    assert moved[letters:].abs().min() > 0


def test_dropout_draws_the_same_chance_by_hand():
    prove_steps(None, n_steps=20)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_features_that_are_hidden_are_hidden_by_hand(dropout):
    recognizer, batch = tiny(seeded(0), dropout=dropout), sounds(seeded(0))
    spec = SpecAugment(n_times=2, time_ms=100, time=0.4, n_bands=1, band=0.5)
    spans = spec.spans(batch.n_samples.numpy(), recognizer.sample_rate, np.random.default_rng(0), 1.0)

    def found(gradients, batch):
        torch.manual_seed(0)
        recognizer.zero_grad()
        loss = gradients.forward(recognizer.requires_grad_(True), batch).loss
        gradients.backward(loss)
        return {"loss": loss.detach()} | {name: p.grad.clone() for name, p in recognizer.named_parameters()}

    hiding = batch._replace(spans=spans)
    ours, theirs, unhidden = found(ByHand(), hiding), found(Autograd(), hiding), found(Autograd(), batch)
    hold_all(ours, theirs)
    assert not any(torch.allclose(theirs[name], unhidden[name], rtol=1e-3, atol=0) for name in theirs)


TRAINED = ["optimizer=adamw", "encoder=gru", "encoder.dropout=0.1"]
BY_HAND = ["backprop=all", "encoder=gru", "encoder.dropout=0.1"]


def losses_of(run_dir):
    events = EventAccumulator(str(run_dir / "tensorboard"))
    events.Reload()
    return [event.value for event in events.Scalars("train/loss_step")]


def refuse(*_args, **_kwargs):
    raise AssertionError("autograd was asked to go back")


@pytest.fixture(scope="module")
def run_by_hand(compose, tmp_path_factory):
    """The folder of a small training with backprop=all, through which autograd was off."""
    run_dir = tmp_path_factory.mktemp("by_hand")

    def no_parameter_asks(task, *_):
        assert not any(parameter.requires_grad for parameter in task.parameters())

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(torch.autograd, "backward", refuse)
        patched.setattr(torch.autograd, "grad", refuse)
        patched.setattr(torch.Tensor, "backward", refuse)
        patched.setattr(SpellingTask, "on_train_batch_end", no_parameter_asks)
        train(compose("train", *SMALL, *BY_HAND, f"run_dir={run_dir}"))
    return run_dir


def test_lightning_trains_with_autograd_off_and_sees_the_losses_that_autograd_gives(compose, run_by_hand, tmp_path):
    train(compose("train", *SMALL, *TRAINED, f"run_dir={tmp_path}"))
    ours, theirs = losses_of(run_by_hand), losses_of(tmp_path)
    assert len(ours) == len(theirs) == 9
    assert ours == pytest.approx(theirs, rel=1e-3), "float32, nine steps of AdamW"
    assert ours[0] == pytest.approx(theirs[0], rel=1e-5)


def test_interrupted_and_resumed_by_hand_ends_bit_identical(compose, run_by_hand, tmp_path):
    train_until(5, compose("train", *SMALL, *BY_HAND, f"run_dir={tmp_path}"))  # of 3 batches an epoch
    train(compose("train", *SMALL, *BY_HAND, f"run_dir={tmp_path}"), resume=True)
    ours, theirs = (
        torch.load(run_dir / "checkpoints" / "last.ckpt", weights_only=True) for run_dir in (tmp_path, run_by_hand)
    )
    assert all(torch.equal(ours["state_dict"][name], weight) for name, weight in theirs["state_dict"].items())
    for name, memory in theirs["optimizer_states"][0]["state"].items():
        assert all(torch.equal(ours["optimizer_states"][0]["state"][name][key], memory[key]) for key in memory)
    assert [json.loads(line)["epoch"] for line in (tmp_path / "hypotheses.jsonl").open()] == [0, 1, 2]


def test_what_was_trained_by_hand_is_used_with_torchs_layers_and_the_other_way_round(compose, tmp_path):
    config = compose("train", *SMALL, "encoder=gru_by_hand", "trainer=debug", f"run_dir={tmp_path}")
    train(config)
    by_hand = Recognizer.load(tmp_path / "recognizer.pt")
    assert by_hand.encoder.by_hand
    parts = {**by_hand.parts, "encoder": {**by_hand.parts["encoder"], "cell": "gru"}}
    torchs = Recognizer(parts, by_hand.names).eval()
    assert not torchs.encoder.by_hand
    torchs.load_weights(by_hand.state_dict(), where="recognizer.pt")
    waveforms, n_samples = torch.randn(3, 9_000) / 10, torch.tensor([9_000, 5_000, 700])
    with torch.no_grad():
        (ours, n_ours), (theirs, n_theirs) = (one(waveforms, n_samples) for one in (by_hand, torchs))
    assert torch.equal(n_ours, n_theirs)
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-5)
    by_hand.load_weights({name: weight + 0.01 for name, weight in torchs.state_dict().items()}, where="torch's")
    with torch.no_grad():
        assert not torch.allclose(by_hand(waveforms, n_samples)[0], theirs, rtol=0, atol=1e-5)
