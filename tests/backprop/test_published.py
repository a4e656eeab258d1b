"""CTC and the recurrent layers against figures that others have published; CTC where sums of exponentials fail."""

import importlib
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx.backend.test.case import node as onnx_nodes
from proof import hold, proves, seeded
from test_ctc_by_hand import on_logits
from test_through_time import packed

from speech.backprop.ctc import Ctc
from speech.backprop.gru import Gru
from speech.backprop.lstm import Lstm
from speech.backprop.recurrent import Layer
from speech.backprop.rnn import Rnn

# Alex Graves' own implementation, as printed in tensorflow/python/kernel_tests/ctc_loss_op_test.py (testBasic): the
# probabilities of symbols 0 to 4 and, last, of the blank; a text; its loss; where the gradient of the logits is p - 1.
GRAVES = [
    (
        [
            [0.633766, 0.221185, 0.0917319, 0.0129757, 0.0142857, 0.0260553],
            [0.111121, 0.588392, 0.278779, 0.0055756, 0.00569609, 0.010436],
            [0.0357786, 0.633813, 0.321418, 0.00249248, 0.00272882, 0.0037688],
            [0.0663296, 0.643849, 0.280111, 0.00283995, 0.0035545, 0.00331533],
            [0.458235, 0.396634, 0.123377, 0.00648837, 0.00903441, 0.00623107],
        ],
        [0, 1, 2, 1, 0],
        3.34211,
        [-0.366234, -0.411608, -0.678582, -0.356151, -0.541765],
        [0, 1, 2, 1, 0],
    ),
    (
        [
            [0.30176, 0.28562, 0.0831517, 0.0862751, 0.0816851, 0.161508],
            [0.24082, 0.397533, 0.0557226, 0.0546814, 0.0557528, 0.19549],
            [0.230246, 0.450868, 0.0389607, 0.038309, 0.0391602, 0.202456],
            [0.280884, 0.429522, 0.0326593, 0.0339046, 0.0326856, 0.190345],
            [0.423286, 0.315517, 0.0338439, 0.0393744, 0.0339315, 0.154046],
        ],
        [0, 1, 1, 0],
        5.42262,
        [-0.69824, -0.602467, -0.797544, -0.570478, -0.576714],
        [0, 1, 5, 1, 0],
    ),
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("probabilities", "text", "loss", "slopes", "symbols"), GRAVES)
def test_losses_and_gradients_are_those_of_graves_tables(probabilities, text, loss, slopes, symbols, dtype):
    p = torch.tensor(probabilities, dtype=dtype).roll(1, dims=1)  # the blank first
    targets = torch.tensor([text]) + 1
    losses, grad, _ = on_logits(p.log()[None], torch.tensor([5]), targets, torch.tensor([len(text)]))
    assert float(losses) == pytest.approx(loss, abs=1e-5)
    expected, at = p.clone(), (torch.tensor(symbols) + 1) % 6
    expected[torch.arange(5), at] = torch.tensor(slopes, dtype=dtype)
    assert torch.allclose(grad[0], expected, rtol=0, atol=2e-6)


def test_losses_are_warp_ctcs_and_mxnets():
    """warp-ctc, its tests: 2.46286. MXNet, test_loss.py: 18.82820702, 16.50581741."""
    logits = torch.full((1, 2, 5), 0.1)
    logits[0, 0, 1] = logits[0, 1, 2] = 0.6
    losses, _, _ = on_logits(logits, torch.tensor([2]), torch.tensor([[1, 2]]), torch.tensor([2]))
    assert float(losses) == pytest.approx(2.46286, abs=1e-5)
    texts, n_letters = torch.tensor([[3, 2, 0], [1, 3, 3]]), torch.tensor([2, 3])
    losses, _, _ = on_logits(torch.ones(2, 20, 4, dtype=torch.float64), torch.tensor([20, 20]), texts, n_letters)
    assert losses.tolist() == pytest.approx([18.82820702, 16.50581741], abs=5e-6)  # float32


# k2, k2/python/tests/ctc_loss_test.py, after warp-ctc's TUTORIAL.md: three clips in a batch, and their losses in nats.
K2_LOGITS = torch.stack(
    [
        -torch.tensor([5.0, 4, 3, 2, 1]) - 5 * torch.arange(3.0)[:, None],
        torch.arange(1.0, 16).view(3, 5),
        torch.zeros(3, 5),
    ]
)
K2_LOSSES = [4.938850402832, 7.355742931366, 1.6094379425049]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_losses_are_k2s(dtype):
    others = torch.tensor([3, 3, 1]), torch.tensor([[2, 3], [3, 3], [1, 0]]), torch.tensor([2, 2, 1])
    losses, grad, _ = on_logits(K2_LOGITS.to(dtype), *others, weight=torch.tensor([1.0, -2.0, 3.5], dtype=dtype))
    assert losses.tolist() == pytest.approx(K2_LOSSES, rel=3e-7)  # float32
    assert grad.sum(dim=2).abs().max() < 1e-6, "adding to all logits of a frame changes nothing"
    assert not grad[2, 1:].any()


def test_the_loss_of_a_line_of_handwriting_is_ctcdecoders():
    """CTCDecoder (Scheidl), tests/test_real_example.py: 28.090721774903226 for a line of IAM of 100 frames.

    tests/published/ctcdecoder_line.csv is its data/line/rnnOutput.csv; the last of its 80 symbols is the blank.
    """
    folder = Path(__file__).parents[1] / "published"
    logits = torch.tensor(np.genfromtxt(folder / "ctcdecoder_line.csv", delimiter=";")[:, :-1]).roll(1, dims=1)
    symbols = (folder / "ctcdecoder_symbols.txt").read_text(encoding="utf-8").rstrip("\n")
    text = torch.tensor([[1 + symbols.index(letter) for letter in "the fake friend of the family, like the"]])
    losses, _, _ = on_logits(logits[None], torch.tensor([100]), text, torch.tensor([text.shape[1]]))
    assert float(losses) == pytest.approx(28.090721774903226, rel=1e-12)


ONNX = {"RNN": (Rnn, [0]), "GRU": (Gru, [1, 0, 2]), "LSTM": (Lstm, [0, 2, 3, 1])}  # ONNX has z, r, h and i, o, f, c
BEFORE_RESET = "test_gru_seq_length"  # its reset gate stands before the product, which no layer here or of torch's has
PEEPHOLES = "test_lstm_with_peepholes"  # neither do these


def onnx_cases():
    """Operator, direction, inputs by name and expected outputs by name of onnx's own cases, and of one drawn GRU."""
    for operator in ONNX:
        importlib.import_module(f"onnx.backend.test.case.node.{operator.lower()}")
    for case in onnx_nodes._NodeTestCases:
        (node,) = case.model.graph.node
        if node.op_type not in ONNX or case.name in (BEFORE_RESET, PEEPHOLES):
            continue
        set_up = {each.name: each.s.decode() if each.s else each.i for each in node.attribute}
        ((inputs, outputs),) = case.data_sets
        named = zip([name for name in node.output if name], outputs, strict=True)
        yield node.op_type, set_up, dict(zip(node.input, inputs, strict=True)), dict(named)
    from onnx.backend.test.case.node.gru import GRUHelper

    draw = seeded(0)
    drawn = {"X": draw.values(5, 3, 2), "W": draw.values(1, 12, 2), "R": draw.values(1, 12, 4), "B": draw.values(1, 24)}
    inputs = {name: value.numpy() for name, value in drawn.items()}
    yield "GRU", {}, inputs, {"Y": GRUHelper(**inputs, linear_before_reset=1).step()[0]}


@proves("onnx")
def test_recurrent_layers_give_the_outputs_of_onnxs_operator_cases():
    cases = list(onnx_cases())
    assert len(cases) >= 9 + 1  # of onnx 1.18, which has no reverse ones, and ours
    for operator, set_up, inputs, outputs in cases:
        cell, order = ONNX[operator]
        x, weight_ih, weight_hh = (torch.tensor(inputs[name]).double() for name in "XWR")
        x = x if set_up.get("layout") else x.transpose(0, 1)
        n_units = weight_hh.shape[2]
        biases = torch.tensor(inputs.get("B", np.zeros((len(weight_ih), 2 * weight_ih.shape[1])))).double()

        def ours(rows, order=order, n_units=n_units):
            return torch.cat([rows[i * n_units : (i + 1) * n_units] for i in order])

        weights = [
            ours(each)
            for ih, hh, both in zip(weight_ih, weight_hh, biases, strict=True)
            for each in (ih, hh, *both.chunk(2))
        ]
        is_reverse = set_up.get("direction") == "reverse"
        weights = [torch.zeros_like(each) for each in weights] + weights if is_reverse else weights  # 0 forwards
        n_frames, n_directions = torch.full((len(x),), x.shape[1]), len(weights) // 4
        theirs = packed(cell, n_directions == 2)(x, n_frames, *weights).detach()
        for found in Layer.forward(x, cell, n_frames, *weights)[0], theirs:
            y = found.view(*found.shape[:2], n_directions, n_units)[:, :, int(is_reverse) :]
            last = torch.stack([y[:, -1, 0], *([y[:, 0, 1]] if y.shape[2] > 1 else [])], dim=1)
            last = y[:, 0] if is_reverse else last
            if set_up.get("layout"):
                found = {"Y": y, "Y_h": last}
            else:
                found = {"Y": y.permute(1, 2, 0, 3), "Y_h": last.transpose(0, 1)}
            for name in outputs.keys() & found.keys():
                hold(f"{operator} {name}", found[name], torch.tensor(outputs[name]).double(), relative=1e-6)


# Relative errors that float32 is allowed, by the loss in nats: of the losses, and of the gradient of the logits.
FLOAT32 = {10: (1e-6, 2e-5), 1_000: (1e-6, 2e-3), 10_000: (1e-6, 2e-2)}


@pytest.mark.parametrize(("nats", "allowed"), FLOAT32.items())
def test_float32_keeps_a_confident_mistakes_gradient(nats, allowed):
    generator = torch.Generator().manual_seed(0)
    n_frames, text = 100, torch.tensor([[1, 2, 2, 3, 1]])
    logits = torch.randn(1, n_frames, 5, generator=generator)
    logits[..., 4] += nats / n_frames  # a symbol that the text lacks is sure at every frame
    others = torch.tensor([n_frames]), text, torch.tensor([5])
    (losses, grad, saved), (theirs, expected, _) = on_logits(logits, *others), on_logits(logits.double(), *others)
    assert float(theirs) > 0.9 * nats
    hold("loss", losses.double(), theirs, allowed[0])
    hold("gradient", grad.double(), expected, allowed[1])
    assert torch.allclose(Ctc.occupancy(saved).sum(dim=2), torch.ones(1, n_frames), rtol=0, atol=1e-5)


@proves("extreme CTC")
def test_ctc_at_its_extremes():
    # 10 000 nats and more over 100 frames of float64, and each frame's occupancies still sum to 1.
    log_probs = torch.full((2, 100, 3), -2e4, dtype=torch.float64)
    targets, n_letters = torch.tensor([[1, 2], [1, 1]]), torch.tensor([2, 2])
    losses, saved = Ctc.forward(log_probs, torch.tensor([100, 2]), targets, n_letters)
    assert losses.isinf().tolist() == [False, True], "the second has too few frames; 2 000 000 nats are not infinite"
    hold("sum", Ctc.occupancy(saved)[0].sum(dim=1), torch.ones(100, dtype=torch.float64), relative=1e-8)
    # The error of an impossible text does not reach its clip: not NaN, nor infinity.
    for weight in (math.nan, math.inf):
        grad = Ctc.backward(saved, torch.tensor([1.0, weight], dtype=torch.float64))[0]
        hold("impossible", grad[1], torch.zeros(100, 3, dtype=torch.float64))
        assert grad[0].isfinite().all()
    # An occupancy of 1e-30 is one: a frame's blank is that unlikely, and so is every path by it.
    log_probs = torch.zeros(1, 2, 2, dtype=torch.float64)
    log_probs[0, 0, 0] = math.log(1e-30)
    _, saved = Ctc.forward(log_probs, torch.tensor([2]), torch.tensor([[1]]), torch.tensor([1]))
    grad = Ctc.backward(saved, torch.ones(1, dtype=torch.float64))[0]
    assert -float(grad[0, 0, 0]) == pytest.approx(5e-31, rel=1e-9, abs=0)
