"""What would give a wrong gradient is refused by the argument's name, and never taken in silence."""

import math

import pytest
import torch
from proof import seeded
from test_whole_recognizer import sounds, tiny

from speech.backprop import optimizers, recognizer
from speech.backprop.activations import Tanh
from speech.backprop.chain import Chain
from speech.backprop.convolution import Convolution
from speech.backprop.ctc import Ctc
from speech.backprop.dropout import Dropout
from speech.backprop.embedding import Embedding
from speech.backprop.examples import examples
from speech.backprop.frames import MaskFrames
from speech.backprop.frontend import Filters, Log, PowerSpectrum
from speech.backprop.gru import Gru
from speech.backprop.linear import Linear
from speech.backprop.losses import BinaryCrossEntropy, MeanSquaredError, SoftmaxCrossEntropy
from speech.backprop.lstm import Lstm
from speech.backprop.normalisation import LayerNorm
from speech.backprop.operation import InputError
from speech.backprop.outputs import MeanPerLetter
from speech.backprop.recurrent import Layer
from speech.backprop.rnn import Rnn
from speech.training.loss import geometry_of, loss_of
from speech.training.manual import ByHand

EXAMPLES = examples()
LENGTHS = [(one, name) for one in EXAMPLES for name in one.inputs if name in ("n_frames", "n_samples", "n_letters")]


def by_name(example):
    return example.name if hasattr(example, "name") else str(example)


def replaced(example, **changes):
    return [changes.get(name, x) for name, x in example.inputs.items()]


def outcome(operation, inputs):
    """The output, or what is said in its place."""
    try:
        return operation.forward(*inputs)[0]
    except InputError as error:
        return str(error)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.operation is not MeanPerLetter], ids=by_name)
def test_nan_and_infinity_are_refused_by_name_or_seen_in_the_output(example, bad):
    for name in example.asked:
        x = example.inputs[name].clone()
        x.view(-1)[0] = bad
        found = outcome(example.operation, replaced(example, **{name: x}))
        if name.startswith(("weight", "bias", "table")):
            squashed = bad == math.inf and example.operation in (Rnn, Gru, Lstm, Layer)  # tanh of infinity is 1
            assert squashed or not found.isfinite().all(), "and the next operation refuses it as its x"
        else:
            assert found == f"{name} has 1 values that are NaN or infinite"


@pytest.mark.parametrize(("example", "name"), LENGTHS, ids=by_name)
def test_lengths_that_are_none_are_refused(example, name):
    lengths = example.inputs[name]
    for bad in (
        torch.full_like(lengths, -1),
        lengths.double(),
        lengths.int(),
        lengths > 0,
        lengths[:-1],
        lengths[None],
    ):
        with pytest.raises(InputError, match=f"^{name} "):
            example.operation.forward(*replaced(example, **{name: bad}))
    if not (example.operation is Ctc and name == "n_letters"):  # an empty text is a text
        with pytest.raises(InputError, match=f"^{name} "):
            example.operation.forward(*replaced(example, **{name: torch.zeros_like(lengths)}))
    if example.operation is not MeanPerLetter:
        with pytest.raises(InputError, match=f"^{name} lies within .* to 99, not"):
            example.operation.forward(*replaced(example, **{name: torch.full_like(lengths, 99)}))


@pytest.mark.parametrize("example", EXAMPLES, ids=by_name)
def test_a_missing_dimension_is_refused_by_name_where_a_number_of_them_is_asked_for(example):
    elementwise = {"Sigmoid", "Tanh", "Relu", "LogSoftmax", "Log"}
    for name, x in example.inputs.items():
        if not torch.is_tensor(x) or example.name in elementwise or (example.name, name) == ("Embedding", "indices"):
            continue
        if (example.name, name) in {("MeanSquaredError", "y"), ("Dropout", "x")}:
            continue  # any shape will do, and it is the other that is then of another
        with pytest.raises(InputError, match=r" has shape .*needed"):
            example.operation.forward(*replaced(example, **{name: x.flatten()[0]}))


def values(*shape):
    return torch.full(shape, 0.3, dtype=torch.float64)


def gates(n, n_in=3, n_units=2):
    return values(n * n_units, n_in), values(n * n_units, n_units), values(n * n_units), values(n * n_units)


def integers(*of):
    return torch.tensor(of, dtype=torch.int64)


REFUSED = [
    (Linear, (values(2, 4), values(5, 3), values(5)), r"x has shape \(2, 4\), and \(..., 3\) is needed"),
    (Linear, (values(2, 3), values(5, 3), values(1)), r"bias has shape \(1,\), and \(5\) is needed"),
    (Convolution, (values(2, 6, 4), 1, 0, values(5, 3, 2), values(5)), r"x has shape \(2, 6, 4\)"),
    (Convolution, (values(2, 6, 3), 0, 0, values(5, 3, 2), values(5)), "stride is 0"),
    (Convolution, (values(2, 6, 3), 1, -1, values(5, 3, 2), values(5)), "padding -1"),
    (Convolution, (values(2, 1, 3), 1, 0, values(5, 3, 2), values(5)), "x has 1 frames"),
    (LayerNorm, (values(2, 3), values(3, 3), values(3)), r"weight has shape \(3, 3\)"),
    (LayerNorm, (values(2, 3), values(3), values(1)), r"bias has shape \(1,\)"),
    (Embedding, (integers(0, 4), values(4, 2)), "indices holds 0 to 4, and 0 to 3 is needed"),
    (Embedding, (integers(-1), values(4, 2)), "indices holds -1 to -1"),
    (Embedding, (torch.tensor([True]), values(4, 2)), "indices is torch.bool, and torch.int64 is needed"),
    (Dropout, (values(2, 3), values(1, 3)), r"mask has shape \(1, 3\)"),
    (MaskFrames, (values(2, 3, 1), integers(3, 4)), "n_frames lies within 3 to 4, not 1 to 3"),
    (SoftmaxCrossEntropy, (values(2, 3), integers(0, 3)), "targets holds 0 to 3"),
    (SoftmaxCrossEntropy, (values(2, 3), integers(0)), r"targets has shape \(1,\)"),
    (BinaryCrossEntropy, (values(2), torch.tensor([0.0, 1.5])), "targets hold 0.0 to 1.5"),
    (BinaryCrossEntropy, (values(2), torch.tensor([0.0, math.nan])), "targets hold nan"),
    (MeanSquaredError, (values(2, 3), values(2, 1)), r"target has shape \(2, 1\)"),
    (MeanSquaredError, (values(2), torch.tensor([0.0, math.nan])), "target has 1 values that are NaN"),
    (PowerSpectrum, (values(1, 7), values(8), 2), "x has 7 samples"),
    (PowerSpectrum, (values(1, 9), values(8), 0), "hop is 0"),
    (Filters, (values(2, 3), values(4, 2)), r"x has shape \(2, 3\)"),
    (Log, (-values(2), 0.1), "x holds -0.3, and more than -0.1"),
    (Rnn, (values(1, 0, 3), *gates(1), None), "x has no frames"),
    (Gru, (values(1, 2, 3), *gates(3), 0), "truncate is 0"),
    (Gru, (values(1, 2, 3), *gates(4), None), r"weight_hh has shape \(8, 2\), and \(6, 2\) is needed"),
    (Lstm, (values(1, 2, 4), *gates(4), None), r"weight_ih has shape \(8, 3\), and \(8, 4\) is needed"),
    (Lstm, (values(1, 2, 3), *gates(4)[:2], values(1), values(8), None), r"bias_ih has shape \(1,\)"),
    (Layer, (values(1, 2, 3), Gru, integers(3), None, *gates(3)), "n_frames lies within 3 to 3, not 1 to 2"),
    (Layer, (values(1, 2, 3), Gru, integers(2), None, *gates(3)[:3]), "weights are 3 tensors"),
    (Layer, (values(1, 2, 3), Gru, integers(2), None, *gates(3), *gates(3, 3, 1)), "weight_hh of the second direction"),
    (Ctc, (values(1, 4, 3), integers(4), integers(1, 3)[None], integers(2)), "targets hold 1 to 3, and letters are 1"),
    (Ctc, (values(1, 4, 3), integers(4), integers(1, 0)[None], integers(2)), "targets hold 0 to 1.*0 is the blank"),
    (Ctc, (values(1, 4, 3), integers(4), integers(1, -1)[None], integers(2)), "targets hold -1 to 1"),
    (Ctc, (values(1, 4, 3), integers(5), integers(1, 2)[None], integers(2)), "n_frames lies within 5"),
    (Ctc, (values(1, 4, 3), integers(4), integers(1, 2)[None], integers(3)), "n_letters lies within 3"),
    (Ctc, (values(1, 4, 3), integers(4), values(1, 2), integers(2)), "targets is torch.float64"),
    (Ctc, (values(1, 4, 3), integers(4), integers(1, 2), integers(2)), "targets has shape"),
    (MeanPerLetter, (values(1, 2), integers(1, 0)[None]), "lengths lies within 0 to 1"),
    (MeanPerLetter, (torch.tensor([[1.0, math.nan]]), integers(1, 2)[None]), "losses hold NaN"),
]


@pytest.mark.parametrize(
    ("operation", "inputs", "message"), REFUSED, ids=[f"{one.__name__}: {message}" for one, _, message in REFUSED]
)
def test_it_is_refused_by_name(operation, inputs, message):
    with pytest.raises(InputError, match=message):
        operation.forward(*inputs)


def test_what_stands_in_a_texts_padding_is_not_looked_at():
    (example,) = [one for one in EXAMPLES if one.operation is Ctc]
    targets = example.inputs["targets"]
    padding = torch.arange(3) >= example.inputs["n_letters"][:, None]
    losses, saved = Ctc.forward(*example.inputs.values())
    others, of_others = Ctc.forward(*replaced(example, targets=torch.where(padding, -7, targets)))
    assert torch.equal(losses, others)
    ones = torch.ones_like(losses)
    assert torch.equal(Ctc.backward(saved, ones)[0], Ctc.backward(of_others, ones)[0])


def test_the_whole_chain_refuses_what_does_not_fit_it():
    draw = seeded(0)
    model, batch = tiny(draw), sounds(draw)
    geometry = geometry_of(model)
    parameters = {name: parameter.detach() for name, parameter in model.named_parameters()}
    fewer = {name: weight for name, weight in parameters.items() if name != "encoder.output.bias"}
    with pytest.raises(InputError, match=r"parameters hold no encoder\.output\.bias"):
        recognizer.forward(geometry, fewer, batch.waveforms, batch.n_samples)
    with pytest.raises(InputError, match="waveforms have 39 samples, and a window takes 40"):
        recognizer.forward(geometry, parameters, batch.waveforms[:, :39], batch.n_samples.clamp(max=39))
    with pytest.raises(InputError, match="n_samples lies within"):
        recognizer.forward(geometry, parameters, batch.waveforms, batch.n_samples + 1)
    chain, n_frames = recognizer.forward(geometry, parameters, batch.waveforms, batch.n_samples)
    with pytest.raises(InputError, match="targets hold 3 to 9"):
        recognizer.add_loss(chain, n_frames, [(batch.targets.clamp(min=1) * 3, batch.n_letters)], model.n_symbols)
    with pytest.raises(InputError, match=r"grad has shape \(1,\)"):
        chain.backward(torch.ones(1))


def test_a_gradient_of_another_shape_would_be_spread_and_is_refused():
    chain = Chain()
    chain.step("tanh", Tanh, values(2, 3))
    with pytest.raises(InputError, match=r"grad has shape \(3,\), and \(2, 3\) is needed"):
        chain.backward(values(3))


def test_nan_weights_are_seen_by_either_way_of_training():
    draw = seeded(0)
    model, batch = tiny(draw), sounds(draw)
    with torch.no_grad():
        model.encoder.output.bias[0] = math.nan
    with pytest.raises(InputError, match="NaN"):
        ByHand().forward(model, batch)
    losses = loss_of(model.requires_grad_(), batch)
    assert losses.loss.isnan(), "and is not a batch in which every clip is too short"


def test_updates_of_weights_and_gradients_of_other_names_are_refused():
    with pytest.raises(InputError, match="same names: b"):
        optimizers.adamw({"a": values(1)}, {"a": values(1), "b": values(1)}, {}, 0.1)
