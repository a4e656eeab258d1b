"""Training with gradients=manual is training with autograd, step for step, and asks nothing of autograd."""

import json

import numpy as np
import pytest
import torch
from conftest import SMALL, refuse_autograd, train_until
from proof import hold_all, proves, seeded
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from test_whole_recognizer import TOLERANCE, sounds, tiny

from speech.backprop.optimizers import sgd
from speech.data.augment.spec import SpecAugment
from speech.training.adamw import AdamW
from speech.training.autograd import Autograd
from speech.training.manual import Manual
from speech.training.run import train
from speech.training.task import SpellingTask

LARGEST = 1.0  # of the gradient's norm: below what most steps have, so that clipping works
ADAMW = {"lr": 0.01, "betas": (0.9, 0.99), "eps": 1e-6, "weight_decay": 0.05}


class Sgd(torch.optim.SGD):
    """The hand-written rule in the place of torch's."""

    def step(self):
        (group,) = self.param_groups
        parameters = {str(i): p.data for i, p in enumerate(group["params"])}
        sgd(parameters, {str(i): p.grad for i, p in enumerate(group["params"])}, group["lr"])


RULES = {  # by hand, and torch's
    "sgd": (lambda p: Sgd(p, lr=0.1), lambda p: torch.optim.SGD(p, lr=0.1)),
    "adamw": (lambda p: AdamW(p, **ADAMW), lambda p: torch.optim.AdamW(p, **ADAMW)),
}


def gradients(source, recognizer, batch):
    """The loss and the gradients, dropout drawn with the seed 0."""
    torch.manual_seed(0)
    recognizer.zero_grad()
    loss = source.forward(recognizer.requires_grad_(), batch).loss
    source.backward(loss)
    return {"loss": loss.detach()} | {name: parameter.grad for name, parameter in recognizer.named_parameters()}


def trained(source, optimizer, batches, n_steps, **kind):
    """The losses and the weights after ``n_steps``."""
    recognizer, losses = tiny(seeded(0), **kind), []
    step = optimizer(recognizer.parameters()).step
    for i in range(n_steps):
        torch.manual_seed(i)
        recognizer.zero_grad()
        loss = source.forward(recognizer, batches[i % len(batches)]).loss
        source.backward(loss)
        source.clip(recognizer.parameters(), LARGEST)
        step()
        losses.append(float(loss.detach()))
    return torch.tensor(losses, dtype=torch.float64), recognizer.state_dict()


def assert_trains_alike(rule, n_steps, tolerance, phones=False, **kind):
    """By hand and by autograd the same losses and the same weights, each within ``tolerance``; returns the latter's."""
    batches, (optimizer, torchs) = [sounds(seeded(i), phones) for i in range(3)], RULES[rule]
    our_losses, our_weights = trained(Manual(), optimizer, batches, n_steps, phones=phones, **kind)
    losses, weights = trained(Autograd(manual_recurrent=False), torchs, batches, n_steps, phones=phones, **kind)
    assert torch.allclose(our_losses, losses, rtol=tolerance, atol=tolerance)
    for name, weight in weights.items():
        assert torch.allclose(our_weights[name], weight, rtol=0, atol=tolerance), name
    return losses, weights


@proves("Manual", "AdamW")
def test_steps_with_dropout_by_hand_equal_autograds():
    recognizer, batch = tiny(seeded(0), dropout=0.3), sounds(seeded(0))
    hold_all(
        *(gradients(source, recognizer, batch) for source in (Manual(), Autograd(manual_recurrent=False))), TOLERANCE
    )
    assert_trains_alike("adamw", 5, 1e-10, dropout=0.3)


CASES = [("rnn", "adamw", False), ("gru", "adamw", True), ("lstm", "adamw", False), ("gru", "sgd", False)]


@pytest.mark.parametrize(("cell", "rule", "phones"), CASES)
def test_a_hundred_steps_by_hand_end_at_autograds_weights(cell, rule, phones):
    losses, weights = assert_trains_alike(rule, 100, 1e-9, phones, cell=cell)
    assert losses[-9:].mean() < losses[:9].mean(), "it is training that is compared"
    start = dict(tiny(seeded(0), cell, phones=phones).named_parameters())
    assert not any(torch.equal(weights[name], parameter) for name, parameter in start.items())
    ratio = weights["encoder.output.weight"] / start["encoder.output.weight"].detach()
    assert (ratio.std(dim=1) > 1e-3).all(), "each letter and each phone, by more than weight decay"


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_spec_augment_hides_the_same_features_by_hand(dropout):
    recognizer, batch = tiny(seeded(0), dropout=dropout), sounds(seeded(0))
    spec = SpecAugment(n_times=2, time_ms=100, time=0.4, n_bands=1, band=0.5)
    spans = spec.spans(batch.n_samples.numpy(), recognizer.sample_rate, np.random.default_rng(0), 1.0)
    hiding = batch._replace(spans=spans)
    ours, theirs = (gradients(source, recognizer, hiding) for source in (Manual(), Autograd(manual_recurrent=False)))
    hold_all(ours, theirs, TOLERANCE)
    unhidden = gradients(Autograd(manual_recurrent=False), recognizer, batch)
    assert not any(torch.allclose(theirs[name], unhidden[name], rtol=1e-3, atol=0) for name in theirs)


TRAINED = ["optimizer=adamw", "encoder=gru", "encoder.dropout=0.1"]
BY_HAND = ["gradients=manual", "optimizer=adamw_manual", "encoder=gru", "encoder.dropout=0.1"]


def losses_of(run_dir):
    events = EventAccumulator(str(run_dir / "tensorboard"))
    events.Reload()
    return [event.value for event in events.Scalars("train/loss_step")]


@pytest.fixture(scope="module")
def run_by_hand(trained):
    """The folder of a small training with gradients=manual, through which autograd was off."""

    def no_parameter_asks(task, *_):
        assert not any(parameter.requires_grad for parameter in task.parameters())

    with pytest.MonkeyPatch.context() as patched:
        refuse_autograd(patched)
        patched.setattr(SpellingTask, "on_train_batch_end", no_parameter_asks)
        return trained("run_by_hand", *SMALL, *BY_HAND)


def test_lightning_trains_without_autograd_and_logs_the_same_losses(compose, run_by_hand, tmp_path):
    train(compose("train", *SMALL, *TRAINED, f"run_dir={tmp_path}"))
    ours, theirs = losses_of(run_by_hand), losses_of(tmp_path)
    assert len(ours) == len(theirs) == 9
    assert ours == pytest.approx(theirs, rel=1e-3), "float32, nine steps of AdamW"
    assert ours[0] == pytest.approx(theirs[0], rel=1e-5)


def test_interrupted_and_resumed_by_hand_ends_bit_identical(compose, run_by_hand, tmp_path):
    arguments = "train", *SMALL, *BY_HAND, f"run_dir={tmp_path}"
    train_until(5, compose(*arguments))  # of 3 batches an epoch
    train(compose(*arguments), resume=True)
    ours, theirs = (torch.load(run / "checkpoints" / "last.ckpt", weights_only=True) for run in (tmp_path, run_by_hand))
    assert all(torch.equal(ours["state_dict"][name], weight) for name, weight in theirs["state_dict"].items())
    for name, memory in theirs["optimizer_states"][0]["state"].items():
        assert all(torch.equal(ours["optimizer_states"][0]["state"][name][key], memory[key]) for key in memory)
    assert [json.loads(line)["epoch"] for line in (tmp_path / "hypotheses.jsonl").open()] == [0, 1, 2]
