"""Would the proofs notice? Wrong derivatives are planted, one at a time, and each must be found."""

import importlib
import sys
import types
from pathlib import Path
from unittest import mock

import pytest
import test_autograd_wrapper
import test_ctc_by_hand
import test_feedforward
import test_losses
import test_optimizers
import test_sound
import test_through_time
import test_training_by_hand
import test_whole_recognizer
from faults import FAULTS
from proof import seeded

N_SEEDS = 6
PROOFS = {  # what is proved: its module, and how
    "Linear": ("linear", test_feedforward.prove_linear),
    "Sigmoid": ("activations", test_feedforward.prove_sigmoid),
    "Tanh": ("activations", test_feedforward.prove_tanh),
    "Relu": ("activations", test_feedforward.prove_relu),
    "LogSoftmax": ("activations", test_feedforward.prove_log_softmax),
    "Embedding": ("embedding", test_feedforward.prove_embedding),
    "Dropout": ("dropout", test_feedforward.prove_dropout),
    "Convolution": ("convolution", test_feedforward.prove_convolution),
    "LayerNorm": ("normalisation", test_feedforward.prove_layer_norm),
    "ClipNorm": ("normalisation", test_feedforward.prove_clip_norm),
    "ReverseWithinLength": ("frames", test_feedforward.prove_reverse),
    "MaskFrames": ("frames", test_feedforward.prove_mask),
    "SoftmaxCrossEntropy": ("losses", test_losses.prove_cross_entropy),
    "BinaryCrossEntropy": ("losses", test_losses.prove_binary_cross_entropy),
    "MeanSquaredError": ("losses", test_losses.prove_squared_error),
    "MeanPerLetter": ("outputs", test_losses.prove_mean_per_letter),
    "EachLogSoftmax": ("outputs", test_losses.prove_each_log_softmax),
    "EachCtc": ("outputs", test_losses.prove_each_ctc),
    "sgd": ("updates", test_optimizers.prove_sgd),
    "momentum": ("updates", test_optimizers.prove_momentum),
    "adamw": ("updates", test_optimizers.prove_adamw),
    "clip_norm": ("updates", test_optimizers.prove_clip_norm),
    "Rnn": ("rnn", test_through_time.prove_rnn),
    "Gru": ("gru", test_through_time.prove_gru),
    "Lstm": ("lstm", test_through_time.prove_lstm),
    "Layer": ("recurrent", test_through_time.prove_layer),
    "Ctc": ("ctc", test_ctc_by_hand.prove_ctc),
    "occupancy": ("ctc", test_ctc_by_hand.prove_occupancy),
    "PreEmphasis": ("frontend", test_sound.prove_pre_emphasis),
    "Level": ("frontend", test_sound.prove_level),
    "PowerSpectrum": ("frontend", test_sound.prove_power_spectrum),
    "Filters": ("frontend", test_sound.prove_filters),
    "Log": ("frontend", test_sound.prove_log),
    "Deltas": ("frontend", test_sound.prove_deltas),
    "recognizer": ("recognizer", test_whole_recognizer.prove_recognizer),
    "by_hand": ("autograd", test_autograd_wrapper.prove_wrapper),
    "steps": ("training.manual", test_training_by_hand.prove_steps),
    "adamw's step": ("training.adamw", test_training_by_hand.prove_steps),
}
WITHOUT_CHANCE = {"by_hand", "steps", "adamw's step"}  # one example is enough
PLANTED = [
    pytest.param(module, proof, old, new, id=f"{proof}-{i}: {why}")
    for module, proofs in FAULTS.items()
    for proof, faults in proofs.items()
    for i, (old, new, why) in enumerate(faults)
]


def path_of(module):
    return f"speech.{module}" if "." in module else f"speech.backprop.{module}"


def fresh(module, old="", new=""):
    """A new module object of ``module``'s source, in which ``new`` stands for ``old``; nobody else sees it."""
    known = importlib.import_module(path_of(module))
    source = Path(known.__file__).read_text(encoding="utf-8")
    if old:
        assert source.count(old) == 1, f"{module}: {old!r} stands there {source.count(old)} times"
        source = source.replace(old, new)
    made = types.ModuleType(known.__name__)
    exec(compile(source, known.__file__, "exec"), made.__dict__)
    return made


def prove(proof, module):
    for seed in range(1 if proof in WITHOUT_CHANCE else N_SEEDS):
        PROOFS[proof][1](module, seeded(seed))


@pytest.mark.parametrize("proof", PROOFS)
def test_without_a_fault_every_proof_holds(proof):
    prove(proof, fresh(PROOFS[proof][0]))


@pytest.mark.parametrize(("module", "proof", "old", "new"), PLANTED)
def test_a_planted_fault_is_found(module, proof, old, new):
    faulty = fresh(module, old, new)
    proved = PROOFS[proof][0]
    if proved != module:  # it is in what that module is made of
        with mock.patch.dict(sys.modules, {path_of(module): faulty}):
            faulty = fresh(proved)
    # Not NameError and its like, which would be the fault's own fault.
    with pytest.raises((AssertionError, RuntimeError, ValueError, IndexError)):
        prove(proof, faulty)


def test_there_are_faults_in_everything_that_is_proved():
    assert {proof for proofs in FAULTS.values() for proof in proofs} == PROOFS.keys()
    assert len(PLANTED) >= 60
