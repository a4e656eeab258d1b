"""Linear, activations, embedding, dropout, convolution, normalisation and frames, against torch's own."""

import torch
from proof import clip_by_clip, hold, prove, proves
from torch.nn import functional as F

from speech.backprop.activations import LogSoftmax, Relu, Sigmoid, Tanh
from speech.backprop.convolution import Convolution
from speech.backprop.dropout import Dropout
from speech.backprop.embedding import Embedding
from speech.backprop.frames import MaskFrames, ReverseWithinLength
from speech.backprop.linear import Linear
from speech.backprop.normalisation import ClipNorm, LayerNorm


@proves("Linear", large=True)
def test_linear_equals_torch(draw):
    n_in, n_out = draw.units(4), draw.units(4)
    prove(Linear, (draw.rows(n_in), draw.values(n_out, n_in), draw.values(n_out)), F.linear)


@proves("Sigmoid", large=True)
def test_sigmoid_equals_torch(draw):
    prove(Sigmoid, (draw.rows(3),), torch.sigmoid)


@proves("Tanh", large=True)
def test_tanh_equals_torch(draw):
    prove(Tanh, (draw.rows(3),), torch.tanh)


@proves("Relu", large=True)
def test_relu_equals_torch(draw):
    prove(Relu, (draw.rows(3),), torch.relu)
    _, saved = Relu.forward(torch.zeros(3))
    assert not Relu.backward(saved, torch.ones(3))[0].any(), "the slope at 0 is 0, as in torch"


@proves("LogSoftmax", large=True)
def test_log_softmax_equals_torch_and_does_not_overflow(draw):
    prove(LogSoftmax, (draw.rows(draw.integer(1, 5)) * 3,), lambda x: x.log_softmax(dim=-1))
    y, saved = LogSoftmax.forward(torch.tensor([[1000.0, 0.0]], dtype=torch.float64))
    assert y.tolist() == [[0, -1000]]
    near = torch.tensor([[1e4, 1e4 - 0.5, 1e4 - 1], [-1e4, -1e4, -1e4 - 1]])  # float32 has three digits to tell them by
    hold("float32", LogSoftmax.forward(near)[0].double(), near.double().log_softmax(dim=-1), relative=2e-7)
    assert LogSoftmax.backward(saved, torch.ones(1, 2).double())[0].isfinite().all()


@proves("Embedding", large=True)
def test_embedding_sums_the_gradients_of_a_repeated_word(draw):
    table = draw.rows(draw.units(3)).flatten(0, -2)
    indices = draw.indices(len(table), draw.integer(1, 3), len(table))  # some words twice, some never
    prove(Embedding, (indices, table), F.embedding)


@proves("Dropout", large=True)
def test_dropped_units_have_no_gradient(draw):
    x = draw.rows(3)
    mask = torch.bernoulli(torch.full_like(x, 0.6), generator=draw.generator) / 0.6
    prove(Dropout, (x, mask), torch.mul, fixed={1})


@proves("Convolution", large=True)
def test_convolution_equals_torch_for_any_stride_and_padding(draw):
    kernel, n_in, n_out = draw.integer(1, 7), draw.units(3), draw.units(3)
    x, _ = draw.padded(kernel + draw.integer(0, 6), n_in)

    def oracle(x, stride, padding, weight, bias):
        return F.conv1d(x.transpose(1, 2), weight, bias, stride, padding).transpose(1, 2)

    weights = draw.values(n_out, n_in, kernel), draw.values(n_out)
    prove(Convolution, (x, draw.integer(1, 3), draw.integer(0, 2), *weights), oracle)


@proves("LayerNorm", large=True)
def test_layer_norm_equals_torch(draw):
    n = 1 + draw.units(4)
    x = draw.rows(n)
    x[..., 0] += 1  # no row whose values are all alike

    def oracle(x, weight, bias):
        return F.layer_norm(x, weight.shape, weight, bias, eps=1e-5)

    prove(LayerNorm, (x, draw.values(n), draw.values(n)), oracle, scale=100)


@proves("ClipNorm", large=True)
def test_a_padded_clip_is_normalised_as_if_it_were_alone(draw):
    n = draw.units(3)
    x, n_frames = draw.padded(draw.integer(1, 6), n)
    least = [0.001, 10.0][draw.integer(0, 1)]  # 10: every deviation is below it
    n_prior_frames = draw.integer(0, 1) * 2

    def norm(clip, mean, deviation, n_prior_frames, least):
        # Two frames that have this mean and this deviation.
        every = torch.cat([clip, torch.stack([mean - deviation, mean + deviation])[: int(n_prior_frames)]])
        centred = every - every.mean(dim=0)
        return (centred / centred.square().mean(dim=0).clamp(min=least**2).sqrt())[: len(clip)]

    # A clip of one frame: x less itself, and what is left of it by rounding is divided by the least deviation.
    inputs = x, n_frames, draw.values(n), draw.values(n).abs(), float(n_prior_frames), least
    prove(ClipNorm, inputs, clip_by_clip(norm), fixed=(2, 3), scale=10 / least)


@proves("ReverseWithinLength", large=True)
def test_a_clip_is_reversed_within_its_own_length(draw):
    def oracle(x, n_frames):
        return torch.stack([torch.cat([clip[:n].flip(0), clip[n:]]) for clip, n in zip(x, n_frames, strict=True)])

    prove(ReverseWithinLength, draw.padded(draw.integer(1, 6), draw.units(3)), oracle)


@proves("MaskFrames", large=True)
def test_masked_frames_are_0_and_have_no_gradient(draw):
    prove(MaskFrames, draw.padded(draw.integer(1, 6), draw.units(3)), clip_by_clip(lambda clip: clip))
