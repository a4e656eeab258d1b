"""What would give a wrong gradient is refused by the argument's name, and never taken in silence."""

import math

import pytest
import torch
from proof import seeded
from test_whole_recognizer import sounds, tiny

from speech.backprop import recognizer
from speech.backprop.activations import Tanh
from speech.backprop.chain import Chain
from speech.backprop.convolution import Convolution
from speech.backprop.ctc import Ctc
from speech.backprop.dropout import Dropout
from speech.backprop.embedding import Embedding
from speech.backprop.examples import RECURRENT, examples
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
from speech.training.loss import loss_of
from speech.training.manual import Manual

EXAMPLES = examples()
(CTC,) = (example for example in EXAMPLES if example.operation is Ctc)
LENGTHS = [(one, name) for one in EXAMPLES for name in one.inputs if name in ("n_frames", "n_samples", "n_letters")]
ANY_SHAPE = {  # inputs of which no number of dimensions is asked
    *(("Sigmoid", "x"), ("Tanh", "x"), ("Relu", "x"), ("LogSoftmax", "x"), ("Log", "x"), ("Embedding", "indices")),
    *(("MeanSquaredError", "y"), ("Dropout", "x")),  # it is the other input that is then of another shape
}
SHAPED = [
    (example, name)
    for example in EXAMPLES
    for name, x in example.inputs.items()
    if torch.is_tensor(x) and (example.name, name) not in ANY_SHAPE
]


def by_name(one):
    return one.name if hasattr(one, "name") else str(one)


def run(example, **changes):
    return example.operation.forward(*(example.inputs | changes).values())


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.operation is not MeanPerLetter], ids=by_name)
def test_nan_and_infinity_are_refused_by_name_or_reach_the_output(example, bad):
    for name in example.asked:
        x = example.inputs[name].clone()
        x.view(-1)[0] = bad
        if name.startswith(("weight", "bias", "table")):
            y, _ = run(example, **{name: x})
            squashed = bad == math.inf and example.operation in RECURRENT  # tanh of infinity is 1
            assert squashed or not y.isfinite().all(), "and the next operation refuses it as its x"
        else:
            with pytest.raises(InputError, match=f"^{name} has 1 value NaN or infinite"):
                run(example, **{name: x})


@pytest.mark.parametrize(("example", "name"), LENGTHS, ids=by_name)
def test_lengths_of_a_wrong_type_shape_or_range_are_refused(example, name):
    lengths = example.inputs[name]
    bad = [torch.full_like(lengths, -1), lengths.double(), lengths.int(), lengths > 0, lengths[:-1], lengths[None]]
    if name != "n_letters":  # an empty text is a text
        bad.append(torch.zeros_like(lengths))
    for one in bad:
        with pytest.raises(InputError, match=f"^{name} "):
            run(example, **{name: one})
    with pytest.raises(InputError, match=f"^{name} lies within .* to 99, not"):
        run(example, **{name: torch.full_like(lengths, 99)})


@pytest.mark.parametrize(("example", "name"), SHAPED, ids=by_name)
def test_an_input_without_its_dimensions_is_refused(example, name):
    with pytest.raises(InputError, match=r" has shape .*needed"):
        run(example, **{name: example.inputs[name].flatten()[0]})


def values(*shape):
    return torch.full(shape, 0.3, dtype=torch.float64)


def gates(n, n_in=3, n_units=2):
    return values(n * n_units, n_in), values(n * n_units, n_units), values(n * n_units), values(n * n_units)


def integers(*of):
    return torch.tensor(of, dtype=torch.int64)


def ctc(*targets):
    return values(1, 4, 3), integers(4), integers(*targets)[None], integers(2)


REFUSED = [
    (Linear, (values(2, 4), values(5, 3), values(5)), r"x has shape \(2, 4\), and \(..., 3\) is needed"),
    (Linear, (values(2, 3), values(5, 3), values(1)), r"bias has shape \(1,\), and \(5\) is needed"),
    (Convolution, (values(2, 6, 4), 1, 0, values(5, 3, 2), values(5)), r"x has shape \(2, 6, 4\)"),
    (Convolution, (values(2, 6, 3), 0, 0, values(5, 3, 2), values(5)), "stride is 0"),
    (Convolution, (values(2, 6, 3), 1, -1, values(5, 3, 2), values(5)), "padding -1"),
    (Convolution, (values(2, 1, 3), 1, 0, values(5, 3, 2), values(5)), "x has 1 frame,"),
    (LayerNorm, (values(2, 3), values(3, 3), values(3)), r"weight has shape \(3, 3\)"),
    (LayerNorm, (values(2, 3), values(3), values(1)), r"bias has shape \(1,\)"),
    (Embedding, (integers(0, 4), values(4, 2)), "indices holds 0 to 4, and 0 to 3 is needed"),
    (Embedding, (integers(-1), values(4, 2)), "indices holds -1 to -1"),
    (Embedding, (torch.tensor([True]), values(4, 2)), "indices is torch.bool, and torch.int64 is needed"),
    (Dropout, (values(2, 3), values(1, 3)), r"mask has shape \(1, 3\)"),
    (SoftmaxCrossEntropy, (values(2, 3), integers(0, 3)), "targets holds 0 to 3"),
    (SoftmaxCrossEntropy, (values(2, 3), integers(0)), r"targets has shape \(1,\)"),
    (BinaryCrossEntropy, (values(2), torch.tensor([0.0, 1.5])), "targets hold 0.0 to 1.5"),
    (BinaryCrossEntropy, (values(2), torch.tensor([0.0, math.nan])), "targets hold nan"),
    (MeanSquaredError, (values(2, 3), values(2, 1)), r"target has shape \(2, 1\)"),
    (MeanSquaredError, (values(2), torch.tensor([0.0, math.nan])), "target has 1 value NaN"),
    (PowerSpectrum, (values(1, 7), values(8), 2), "x has 7 samples"),
    (PowerSpectrum, (values(1, 9), values(8), 0), "hop is 0"),
    (Filters, (values(2, 3), values(4, 2)), r"x has shape \(2, 3\)"),
    (Log, (-values(2), 0.1), "x holds -0.3, and more than -0.1"),
    (Rnn, (values(1, 0, 3), *gates(1)), "x has no frames"),
    (Gru, (values(1, 2, 3), *gates(4)), r"weight_hh has shape \(8, 2\), and \(6, 2\) is needed"),
    (Lstm, (values(1, 2, 4), *gates(4)), r"weight_ih has shape \(8, 3\), and \(8, 4\) is needed"),
    (Lstm, (values(1, 2, 3), *gates(4)[:2], values(1), values(8)), r"bias_ih has shape \(1,\)"),
    (Layer, (values(1, 2, 3), Gru, integers(2), *gates(3)[:3]), "weights are 3 tensors"),
    (Layer, (values(1, 2, 3), Gru, integers(2), *gates(3), *gates(3, 3, 1)), "weight_hh of the second direction"),
    (Ctc, ctc(1, 3), "targets hold 1 to 3, and letters are 1"),
    (Ctc, ctc(1, 0), "targets hold 0 to 1.*0 is the blank"),
    (Ctc, (values(1, 4, 3), integers(4), values(1, 2), integers(2)), "targets is torch.float64"),
    (MeanPerLetter, (values(1, 2), integers(1, 0)[None]), "lengths lies within 0 to 1"),
    (MeanPerLetter, (torch.tensor([[1.0, math.nan]]), integers(1, 2)[None]), "losses hold NaN"),
]


@pytest.mark.parametrize(
    ("operation", "inputs", "message"), REFUSED, ids=[f"{one.__name__}: {message}" for one, _, message in REFUSED]
)
def test_it_is_refused_by_name(operation, inputs, message):
    with pytest.raises(InputError, match=message):
        operation.forward(*inputs)


def test_the_padding_of_a_text_is_ignored():
    padding = torch.arange(3) >= CTC.inputs["n_letters"][:, None]
    (losses, saved), (others, of_others) = (
        run(CTC, targets=torch.where(padding, fill, CTC.inputs["targets"])) for fill in (0, -7)
    )
    assert torch.equal(losses, others)
    ones = torch.ones_like(losses)
    assert torch.equal(Ctc.backward(saved, ones)[0], Ctc.backward(of_others, ones)[0])


def test_the_whole_chain_refuses_inputs_that_do_not_fit():
    draw = seeded(0)
    model, batch = tiny(draw), sounds(draw)
    parameters = {name: parameter.detach() for name, parameter in model.named_parameters()}

    def forward(parameters=parameters, waveforms=batch.waveforms, n_samples=batch.n_samples):
        return recognizer.forward(model.geometry(), parameters, waveforms, n_samples)

    with pytest.raises(InputError, match=r"parameters lack encoder\.output\.bias"):
        forward({name: weight for name, weight in parameters.items() if name != "encoder.output.bias"})
    with pytest.raises(InputError, match="waveforms have 39 samples, and a window takes 40"):
        forward(waveforms=batch.waveforms[:, :39], n_samples=batch.n_samples.clamp(max=39))
    with pytest.raises(InputError, match="n_samples lies within"):
        forward(n_samples=batch.n_samples + 1)
    with pytest.raises(InputError, match="targets hold 3 to 9"):
        recognizer.add_loss(*forward(), [(batch.targets.clamp(min=1) * 3, batch.n_letters)], model.n_symbols)


@pytest.mark.parametrize("example", EXAMPLES, ids=by_name)
def test_every_operation_refuses_a_gradient_of_another_shape(example):
    output, saved = run(example)
    scalar = torch.ones((), dtype=output.dtype)
    for grad in (output[None], torch.cat([output, output]) if output.dim() else output[None, None], scalar):
        if grad.shape != output.shape:
            with pytest.raises(InputError, match=r"^grad_\w+ has shape .*needed"):
                example.operation.backward(saved, grad)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64])
@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.name != "ReverseWithinLength"], ids=by_name)
def test_sixteen_bits_and_integers_are_refused_by_name(example, dtype):
    for name in example.asked:
        with pytest.raises(InputError, match=f"^{name.removesuffix('_reverse')} is {dtype}, and torch.float32"):
            run(example, **{name: example.inputs[name].to(dtype)})


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.name != "Embedding"], ids=by_name)
def test_an_empty_batch_is_refused_by_name(example):
    def empty(x):
        if isinstance(x, list) and isinstance(x[0], tuple):
            return [tuple(one[:0] for one in text) for text in x]
        is_of_clips = torch.is_tensor(x) and len(x) == len(first)
        return x[:0] if is_of_clips else x

    first = next(iter(example.inputs.values()))
    fixed = ("weight", "bias", "prior", "filters", "window")
    inputs = {name: x if name.startswith(fixed) else empty(x) for name, x in example.inputs.items()}
    if example.operation is MeanPerLetter:
        inputs = {name: x[:, :0] for name, x in example.inputs.items()}
    with pytest.raises(InputError, match=r"^\w+ has shape .*(empty|holds no clip).*at least one"):
        example.operation.forward(*inputs.values())


def test_a_recogniser_refuses_an_empty_batch_and_float16_either_way():
    model = tiny(seeded(0)).requires_grad_(False)
    none, half = torch.zeros(0, 80, dtype=torch.float64), torch.zeros(1, 80, dtype=torch.float16)
    for waveforms, message in (
        (none, r"waveforms has shape \(0, 80\), which holds no clip"),
        (half, "is torch.float16"),
    ):
        n_samples = torch.full((len(waveforms),), 80)
        with pytest.raises(InputError, match=message):
            model(waveforms, n_samples)
        with pytest.raises(InputError, match=message):
            recognizer.forward(model.geometry(), dict(model.named_parameters()), waveforms, n_samples)


def test_a_step_of_a_name_that_is_there_is_refused():
    chain = Chain()
    x = chain.step("tanh", Tanh, values(2))
    with pytest.raises(InputError, match="already has a step tanh"):
        chain.step("tanh", Tanh, x)


def test_nan_weights_are_seen_by_hand_and_by_autograd():
    draw = seeded(0)
    model, batch = tiny(draw), sounds(draw)
    with torch.no_grad():
        model.encoder.output.bias[0] = math.nan
    with pytest.raises(InputError, match="NaN"):
        Manual().forward(model, batch)
    assert loss_of(model.requires_grad_(), batch).loss.isnan(), "and not a batch of infeasible texts"
