"""The recurrent layers: against torch's, against a plain loop over the frames, and with a pencil."""

import pytest
import torch
from proof import for_any_sizes, hold, prove, seeded
from torch import nn
from torch.nn.utils import rnn as packing

from speech.backprop import gru, lstm, recurrent, rnn
from speech.backprop.gru import Gru
from speech.backprop.lstm import Lstm
from speech.backprop.recurrent import Layer
from speech.backprop.rnn import Rnn

CELLS = {"rnn": (Rnn, nn.RNN), "gru": (Gru, nn.GRU), "lstm": (Lstm, nn.LSTM)}


def weights_of(draw, n_gates, n_in, n_units):
    """weight_ih, weight_hh, bias_ih, bias_hh of one direction."""
    n = n_gates * n_units
    return draw.values(n, n_in), draw.values(n, n_units), draw.values(n), draw.values(n)


def plain(x, weight_ih, weight_hh, bias_ih, bias_hh, truncate=None, sums=None):
    """The equations of rnn.py, gru.py and lstm.py, frame by frame as they stand there, for autograd to differentiate.

    ``sums`` is a list that takes the sums over the input, W x + b, of each frame. ``truncate`` k: the states are
    detached before every k-th frame.
    """
    n_units = weight_hh.shape[1]
    n_gates = len(weight_hh) // n_units
    h = c = x.new_zeros(len(x), n_units)
    outputs = []
    for t in range(x.shape[1]):
        if truncate is not None and t % truncate == 0:
            h, c = h.detach(), c.detach()
        a = x[:, t] @ weight_ih.T + bias_ih
        if sums is not None:
            a.retain_grad()
            sums.append(a)
        u = h @ weight_hh.T + bias_hh
        if n_gates == 1:
            h = torch.tanh(a + u)
        elif n_gates == 3:
            (a_r, a_z, a_n), (u_r, u_z, u_n) = a.chunk(3, dim=1), u.chunk(3, dim=1)
            r, z = torch.sigmoid(a_r + u_r), torch.sigmoid(a_z + u_z)
            h = (1 - z) * torch.tanh(a_n + r * u_n) + z * h
        else:
            i, f, g, o = (a + u).chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        outputs.append(h)
    return torch.stack(outputs, dim=1)


def torchs(make, n_layers=1, bidirectional=False):
    """An oracle ``(x, n_frames, *weights)``: torch's layer over packed sequences, which never see padding."""

    def oracle(x, n_frames, *weights):
        n_units = weights[1].shape[1]
        layer = make(x.shape[2], n_units, n_layers, batch_first=True, bidirectional=bidirectional).double()
        names = [name for name, _ in layer.named_parameters()]
        packed = packing.pack_padded_sequence(x, n_frames, batch_first=True, enforce_sorted=False)
        outputs, _ = torch.func.functional_call(layer, dict(zip(names, weights, strict=True)), (packed,))
        return packing.pad_packed_sequence(outputs, batch_first=True, total_length=x.shape[1])[0]

    return oracle


def prove_cell(cell, torchs_layer, draw):
    n_in, n_units = draw.integer(1, 3), draw.integer(1, 3)
    batch, longest = draw.integer(1, 3), draw.integer(1, 5)
    x, weights = draw.values(batch, longest, n_in), weights_of(draw, cell.n_gates, n_in, n_units)
    oracle = torchs(torchs_layer)
    prove(cell, (x, *weights, None), lambda x, *w: oracle(x, torch.full((batch,), longest), *w[:-1]))
    prove(cell, (x, *weights, draw.integer(1, 3)), plain, scale=10, n_differences=0)


def prove_every_gate(cell, draw):
    """The error of each gate's sum at each frame, laid open: with W = 1, dL/dx[t] is dL/da[t]."""
    n_units, batch, longest = draw.integer(1, 3), draw.integer(1, 3), draw.integer(1, 5)
    _, *others = weights_of(draw, cell.n_gates, 1, n_units)
    n_sums = cell.n_gates * n_units
    inputs = draw.values(batch, longest, n_sums), torch.eye(n_sums, dtype=torch.float64), *others
    sums = []
    expected = plain(*(x.clone().requires_grad_() for x in inputs), sums=sums)
    grad_h = draw.values(*expected.shape)
    expected.backward(grad_h)
    output, saved = cell.forward(*inputs)
    hold("h", output, expected.detach())
    grad_x, *_ = cell.backward(saved, grad_h)
    for t, a in enumerate(sums):
        for gate, (ours, theirs) in enumerate(
            zip(grad_x[:, t].split(n_units, 1), a.grad.split(n_units, 1), strict=True)
        ):
            hold(f"gate {gate} at frame {t}", ours, theirs)


def prove_rnn(module, draw):
    prove_cell(module.Rnn, nn.RNN, draw)
    prove_every_gate(module.Rnn, draw)


def prove_gru(module, draw):
    prove_cell(module.Gru, nn.GRU, draw)
    prove_every_gate(module.Gru, draw)


def prove_lstm(module, draw):
    prove_cell(module.Lstm, nn.LSTM, draw)
    prove_every_gate(module.Lstm, draw)


def prove_layer(module, draw):
    cell, make = list(CELLS.values())[draw.integer(0, 2)]
    n_directions, n_in, n_units = draw.integer(1, 2), draw.integer(1, 3), draw.integer(1, 2)
    batch, longest = draw.integer(1, 3), draw.integer(1, 5)
    x, n_frames = draw.values(batch, longest, n_in), draw.lengths(batch, longest)
    weights = [w for _ in range(n_directions) for w in weights_of(draw, cell.n_gates, n_in, n_units)]
    oracle = torchs(make, bidirectional=n_directions == 2)
    prove(module.Layer, (x, cell, n_frames, None, *weights), lambda x, cell, n, truncate, *w: oracle(x, n, *w))

    def clip_by_clip(x, cell, n_frames, truncate, *weights):
        outputs = []
        for clip, n in zip(x, n_frames.tolist(), strict=True):
            own = clip[None, :n]
            both = [plain(own, *weights[:4], truncate)]
            if len(weights) > 4:
                both.append(plain(own.flip(1), *weights[4:], truncate).flip(1))
            outputs.append(nn.functional.pad(torch.cat(both, dim=2)[0], (0, 0, 0, x.shape[1] - n)))
        return torch.stack(outputs)

    cut = x, cell, n_frames, draw.integer(1, 3), *weights
    prove(module.Layer, cut, clip_by_clip, scale=10, n_differences=0)


@for_any_sizes
def test_elmans_layer_is_torchs(draw):
    prove_rnn(rnn, draw)


@for_any_sizes
def test_the_gated_recurrent_unit_is_torchs(draw):
    prove_gru(gru, draw)


@for_any_sizes
def test_long_short_term_memory_is_torchs(draw):
    prove_lstm(lstm, draw)


@for_any_sizes
def test_a_layer_in_both_directions_is_torchs_over_packed_clips_of_unequal_lengths(draw):
    prove_layer(recurrent, draw)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_two_layers_are_torchs_two_layers(cell, bidirectional):
    ours, make = CELLS[cell]
    torch.manual_seed(0)
    theirs = make(3, 4, 2, batch_first=True, bidirectional=bidirectional).double()
    weights = [weight.detach() for weight in theirs.parameters()]
    half = len(weights) // 2
    x, n_frames = torch.randn(3, 7, 3, dtype=torch.float64), torch.tensor([4, 7, 1])
    x.requires_grad_()
    expected = torchs(make, 2, bidirectional)(x, n_frames, *theirs.parameters())
    grad_y = torch.randn_like(expected)
    expected.backward(grad_y)

    between, below = Layer.forward(x.detach(), ours, n_frames, None, *weights[:half])
    output, above = Layer.forward(between, ours, n_frames, None, *weights[half:])
    hold("output", output, expected.detach())
    grad_between, _, _, _, *of_above = Layer.backward(above, grad_y)
    grad_x, _, _, _, *of_below = Layer.backward(below, grad_between)
    hold("x", grad_x, x.grad)
    for (name, weight), grad in zip(theirs.named_parameters(), of_below + of_above, strict=True):
        hold(name, grad, weight.grad)


@pytest.mark.parametrize("cell", CELLS)
def test_the_padding_of_a_clip_neither_reaches_it_nor_gets_anything_back(cell):
    draw, (ours, _) = seeded(0), CELLS[cell]
    weights = [weight for _ in range(2) for weight in weights_of(draw, ours.n_gates, 3, 2)]
    n_frames, x, grad_y = torch.tensor([4, 7]), draw.values(2, 7, 3), draw.values(2, 7, 4)
    loud, loud_grad = x.clone(), grad_y.clone()
    loud[0, 4:] = loud_grad[0, 4:] = 9
    y, saved = Layer.forward(x, ours, n_frames, None, *weights)
    of_loud, saved_of_loud = Layer.forward(loud, ours, n_frames, None, *weights)
    assert torch.equal(y, of_loud)
    assert not y[0, 4:].any()
    grads, of_loud = Layer.backward(saved, grad_y), Layer.backward(saved_of_loud, loud_grad)
    assert not grads[0][0, 4:].any()
    for i, (grad, other) in enumerate(zip(grads, of_loud, strict=True)):
        if grad is not None:
            hold(f"gradient of input {i}", grad, other)


@pytest.mark.parametrize("cell", CELLS)
def test_truncation_is_what_detaching_the_state_every_k_frames_is(cell):
    ours, _ = CELLS[cell]
    torch.manual_seed(0)
    n = ours.n_gates * 2
    inputs = [torch.randn(size, dtype=torch.float64) for size in [(2, 7, 3), (n, 3), (n, 2), (n,), (n,)]]
    whole = ours.backward(ours.forward(*inputs)[1], torch.ones(2, 7, 2, dtype=torch.float64))
    for k in range(1, 9):
        prove(ours, (*inputs, k), plain, n_differences=0)
        cut = ours.backward(ours.forward(*inputs, k)[1], torch.ones(2, 7, 2, dtype=torch.float64))
        assert torch.equal(cut[0], whole[0]) == (k >= 7), "what is cut is missing, and only where something is cut"


def test_two_units_over_two_frames_are_as_on_paper():
    """The very numbers of the docstring of rnn.py, to their four digits."""
    x = torch.tensor([[[0.5], [0.0]]], dtype=torch.float64)
    weight_ih = torch.tensor([[1.0], [0.0]], dtype=torch.float64)
    weight_hh = torch.tensor([[0.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    bias = torch.zeros(2, dtype=torch.float64)
    h, saved = Rnn.forward(x, weight_ih, weight_hh, bias, bias)
    grad_h = torch.tensor([[[0.0, 0.0], [0.0, 1.0]]], dtype=torch.float64)
    grad_x, grad_ih, grad_hh, grad_bias_ih, grad_bias_hh, _ = Rnn.backward(saved, grad_h)
    found = {
        "h1[0] = tanh 0.5": (h[0, 0, 0], 0.4621),
        "h2[0]": (h[0, 0, 1], 0),
        "h1[1]": (h[0, 1, 0], 0),
        "h2[1]": (h[0, 1, 1], 0.4318),
        "dx[0]": (grad_x[0, 0, 0], 0.6398),
        "dx[1]": (grad_x[0, 1, 0], 0),
        "dW1": (grad_ih[0, 0], 0.3199),
        "dW2": (grad_ih[1, 0], 0),
        "dU[2, 1]": (grad_hh[1, 0], 0.3760),
        "db1 = da1[0]": (grad_bias_ih[0], 0.6398),
        "db2 = da2[1]": (grad_bias_hh[1], 0.8135),
    }
    for name, (value, on_paper) in found.items():
        assert float(value) == pytest.approx(on_paper, abs=5e-5), name
        assert not on_paper or f"{on_paper:.4f}" in Rnn.__doc__, f"{name} is not what the docstring says"
