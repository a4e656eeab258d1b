"""gradients=torch, hybrid and manual train the same recogniser, whose file does not say which it was."""

import pytest
import torch
from conftest import SMALL

from speech.backprop.autograd import by_hand
from speech.backprop.recurrent import Layer
from speech.config import tree
from speech.config.compose import saved
from speech.data.dataset import Batch
from speech.model import encoder
from speech.model.recognizer import Recognizer
from speech.training.autograd import Autograd
from speech.training.run import train

CHOICES = sorted(path.stem for path in (tree.CONF / "gradients").glob("*.yaml"))
ONE_EPOCH = [override for override in SMALL if "max_epochs" not in override] + ["trainer.max_epochs=1"]


@pytest.fixture(scope="module")
def runs(trained):
    """The file of an epoch of three steps with each choice, by the default optimiser."""
    folders = {choice: trained(f"gradients_{choice}", *ONE_EPOCH, f"gradients={choice}") for choice in CHOICES}
    return {choice: folder / "recognizer.pt" for choice, folder in folders.items()}


@pytest.mark.parametrize("choice", ["hybrid", "manual"])
def test_the_weights_are_those_that_autograd_trains(runs, choice):
    ours, theirs = (Recognizer.load(runs[one]).state_dict() for one in (choice, "torch"))
    for name, weight in theirs.items():
        torch.testing.assert_close(ours[name], weight, rtol=0, atol=1e-4)  # float32, three steps of AdamW
    torch.manual_seed(0)
    start = Recognizer(Recognizer.load(runs["torch"]).parts)
    moved = [name for name, weight in start.named_parameters() if not torch.allclose(weight, ours[name], atol=1e-3)]
    assert len(moved) > 10, "or the claim is of nothing"


def test_a_file_does_not_say_where_the_gradients_came_from(runs):
    hybrid, *others = (torch.load(runs[choice], weights_only=True) for choice in CHOICES)
    assert all(other["parts"] == hybrid["parts"] for other in others)
    assert hybrid["parts"]["encoder"]["cell"] == "gru"
    assert not any(Recognizer.load(runs[choice]).encoder.manual_recurrent for choice in CHOICES)


def test_a_recogniser_is_fine_tuned_from_its_weights_by_another(runs, compose, tmp_path):
    still = ["optimizer.lr=0", "optimizer.weight_decay=0", f"init={runs['torch']}", "gradients=manual"]
    train(compose("train", *ONE_EPOCH, *still, f"run_dir={tmp_path}"))
    ours, theirs = (Recognizer.load(path).state_dict() for path in (tmp_path / "recognizer.pt", runs["torch"]))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_the_choice_leaves_the_optimiser_alone(runs):
    first, *others = (saved(runs[choice].parent, "train") for choice in CHOICES)
    assert all(one.optimizer == first.optimizer and one.gradients != first.gradients for one in others)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_hand_written_layers_are_the_same_function_of_the_weights(make_recognizer, cell, monkeypatch):
    used, recognizer = [], make_recognizer(cell=cell, n_units=16)

    def note(operation, *inputs):
        used.append(operation)
        return by_hand(operation, *inputs)

    def logits(manual_recurrent):
        """And whether the hand-written layers made them."""
        used.clear()
        n_samples, one = torch.tensor([9_000, 5_000, 700]), torch.ones(3, 1, dtype=torch.int64)
        batch = Batch(noise, n_samples, one, one[:, 0], [], [], [])
        return Autograd(manual_recurrent).forward(recognizer, batch).logits, Layer in used

    monkeypatch.setattr(encoder, "by_hand", note)
    noise = torch.randn(3, 9_000) / 10
    (theirs, _), (ours, by_layer) = logits(False), logits(True)
    assert by_layer
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
    assert not logits(False)[1]
    with torch.no_grad():
        assert not logits(True)[1], "where no gradient is asked for, torch's are the faster"
