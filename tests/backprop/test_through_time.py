"""The recurrent layers: against torch's, against a plain loop over the frames, and with a pencil."""

import torch
from proof import hold, prove, proves
from torch import nn
from torch.nn.utils import rnn as packing

from speech.backprop.gru import Gru
from speech.backprop.lstm import Lstm
from speech.backprop.recurrent import Layer
from speech.backprop.rnn import Rnn

TORCHS = {Rnn: nn.RNN, Gru: nn.GRU, Lstm: nn.LSTM}


def weights_of(draw, cell, n_in, n_units):
    """weight_ih, weight_hh, bias_ih, bias_hh of one direction."""
    n = cell.n_gates * n_units
    damped = max(1, n_units / 3)  # a wide layer would double a rounding at each frame
    return draw.values(n, n_in), draw.values(n, n_units) / damped, draw.values(n), draw.values(n)


def plain(x, weight_ih, weight_hh, bias_ih, bias_hh, sums=None):
    """The equations of rnn.py, gru.py and lstm.py, frame by frame as they stand there, for autograd to differentiate.

    ``sums`` is a list that takes the sums over the input, W x + b, of each frame.
    """
    n_units = weight_hh.shape[1]
    n_gates = len(weight_hh) // n_units
    h = c = x.new_zeros(len(x), n_units)
    outputs = []
    for t in range(x.shape[1]):
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


def packed(cell, bidirectional):
    """An oracle ``(x, n_frames, *weights)``: torch's layer over packed sequences, which never see padding."""

    def oracle(x, n_frames, *weights):
        n_units = weights[1].shape[1]
        layer = TORCHS[cell](x.shape[2], n_units, batch_first=True, bidirectional=bidirectional).double()
        names = [name for name, _ in layer.named_parameters()]
        clips = packing.pack_padded_sequence(x, n_frames, batch_first=True, enforce_sorted=False)
        outputs, _ = torch.func.functional_call(layer, dict(zip(names, weights, strict=True)), (clips,))
        return packing.pad_packed_sequence(outputs, batch_first=True, total_length=x.shape[1])[0]

    return oracle


def prove_cell(cell, draw):
    n_units, (x, _) = draw.units(3), draw.padded(draw.integer(1, 5), draw.integer(1, 3))
    batch, longest, _ = x.shape
    oracle, n_frames = packed(cell, False), torch.full((batch,), longest)
    prove(cell, (x, *weights_of(draw, cell, x.shape[2], n_units)), lambda x, *weights: oracle(x, n_frames, *weights))

    # The error of each gate's sum at each frame, laid open: with W = 1, dL/dx[t] is dL/da[t].
    n_sums, sums = cell.n_gates * n_units, []
    _, *others = weights_of(draw, cell, 1, n_units)
    inputs = draw.values(batch, longest, n_sums), torch.eye(n_sums, dtype=torch.float64), *others
    expected = plain(*(x.clone().requires_grad_() for x in inputs), sums=sums)
    grad_h = draw.values(*expected.shape)
    expected.backward(grad_h)
    output, saved = cell.forward(*inputs)
    hold("h", output, expected.detach())
    grad_x, *_ = cell.backward(saved, grad_h)
    for t, a in enumerate(sums):
        gates = zip(grad_x[:, t].split(n_units, 1), a.grad.split(n_units, 1), strict=True)
        for gate, (ours, theirs) in enumerate(gates):
            hold(f"gate {gate} at frame {t}", ours, theirs)


@proves("Rnn", large=True)
def test_rnn_and_each_of_its_sums_equal_torch(draw):
    prove_cell(Rnn, draw)


@proves("Gru", large=True)
def test_gru_and_each_of_its_gates_equal_torch(draw):
    prove_cell(Gru, draw)


@proves("Lstm", large=True)
def test_lstm_and_each_of_its_gates_equal_torch(draw):
    prove_cell(Lstm, draw)


@proves("tanh")
def test_a_faint_input_keeps_its_digits_in_float32():
    """Near 0, tanh x is x: as 2 sigmoid(2 x) - 1 it would be off by 7 % at 1e-6."""
    x = torch.full((1, 1, 1), 1e-6)
    for cell in TORCHS:
        n = cell.n_gates
        weights = torch.ones(n, 1), torch.zeros(n, 1), torch.zeros(n), torch.zeros(n)
        ours, _ = cell.forward(x, *weights)
        theirs = plain(*(each.double() for each in (x, *weights)))
        hold(cell.__name__, ours.double(), theirs, relative=5e-7)


@proves("Layer", large=True)
def test_layer_equals_torch_over_packed_clips_which_see_no_padding(draw):
    cell, n_directions = list(TORCHS)[draw.integer(0, 2)], draw.integer(1, 2)
    n_in, n_units = draw.integer(1, 3), draw.units(2)
    x, n_frames = draw.padded(draw.integer(1, 5), n_in)
    weights = [w for _ in range(n_directions) for w in weights_of(draw, cell, n_in, n_units)]
    oracle = packed(cell, n_directions == 2)
    prove(Layer, (x, cell, n_frames, *weights), lambda x, cell, n, *weights: oracle(x, n, *weights))


def test_two_units_over_two_frames_are_as_on_paper():
    """The very numbers of the docstring of rnn.py, to their four digits."""
    x = torch.tensor([[[0.5], [0.0]]], dtype=torch.float64)
    weight_ih = torch.tensor([[1.0], [0.0]], dtype=torch.float64)
    weight_hh = torch.tensor([[0.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    bias = torch.zeros(2, dtype=torch.float64)
    h, saved = Rnn.forward(x, weight_ih, weight_hh, bias, bias)
    grad_h = torch.tensor([[[0.0, 0.0], [0.0, 1.0]]], dtype=torch.float64)
    grads = dict(zip(("dx", "dW", "dU", "db", "dc"), Rnn.backward(saved, grad_h), strict=True))
    on_paper = {
        "h": [[0.4621, 0], [0, 0.4318]],  # of units 1 and 2, frame by frame; h1[0] is tanh 0.5
        "dx": [0.6398, 0],
        "dW": [0.3199, 0],
        "dU": [[0, 0], [0.3760, 0]],
        "db": [0.6398, 0.8135],  # da1[0], da2[1]
        "dc": [0.6398, 0.8135],
    }
    for name, expected in on_paper.items():
        found, expected = (grads | {"h": h})[name].flatten(), torch.tensor(expected, dtype=torch.float64).flatten()
        assert torch.allclose(found, expected, rtol=0, atol=5e-5), name
        assert all(f"{value:.4f}" in Rnn.__doc__ for value in expected.tolist() if value), (
            f"{name}: not the docstring's"
        )
