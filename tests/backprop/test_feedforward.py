"""Linear, activations, embedding, dropout, convolution and normalisation, against torch's own."""

import torch
from proof import for_any_sizes, prove
from torch.nn import functional as F

from speech.backprop import activations, convolution, dropout, embedding, frames, linear, normalisation


def rows(draw, n):
    """Values whose last dimension is ``n``, with one to three dimensions before it."""
    return draw.values(*(draw.integer(1, 3) for _ in range(draw.integer(1, 3))), n)


def prove_linear(module, draw):
    n_in, n_out = draw.integer(1, 4), draw.integer(1, 4)
    prove(module.Linear, (rows(draw, n_in), draw.values(n_out, n_in), draw.values(n_out)), F.linear)


def prove_sigmoid(module, draw):
    prove(module.Sigmoid, (rows(draw, 3),), torch.sigmoid)


def prove_tanh(module, draw):
    prove(module.Tanh, (rows(draw, 3),), torch.tanh)


def prove_relu(module, draw):
    prove(module.Relu, (rows(draw, 3),), torch.relu)


def prove_log_softmax(module, draw):
    prove(module.LogSoftmax, (rows(draw, draw.integer(1, 5)) * 3,), lambda x: x.log_softmax(dim=-1))


def prove_embedding(module, draw):
    n_words = draw.integer(1, 5)
    indices = draw.indices(n_words, draw.integer(1, 3), draw.integer(1, 4))  # some words twice, some never
    prove(module.Embedding, (indices, draw.values(n_words, draw.integer(1, 3))), F.embedding)


def prove_dropout(module, draw):
    x = rows(draw, 3)
    mask = torch.bernoulli(torch.full_like(x, 0.6), generator=draw.generator) / 0.6
    prove(module.Dropout, (x, mask), torch.mul, fixed={1})


def prove_convolution(module, draw):
    kernel, n_in = draw.integer(1, 4), draw.integer(1, 3)
    stride, padding = draw.integer(1, 3), draw.integer(0, 2)
    x = draw.values(draw.integer(1, 3), kernel + draw.integer(0, 6), n_in)
    n_out = draw.integer(1, 3)

    def oracle(x, stride, padding, weight, bias):
        return F.conv1d(x.transpose(1, 2), weight, bias, stride, padding).transpose(1, 2)

    prove(module.Convolution, (x, stride, padding, draw.values(n_out, n_in, kernel), draw.values(n_out)), oracle)


def prove_layer_norm(module, draw):
    n = draw.integer(2, 5)
    x = rows(draw, n)
    x[..., 0] += 1  # no row whose values are all alike
    prove(
        module.LayerNorm,
        (x, draw.values(n), draw.values(n)),
        lambda x, weight, bias: F.layer_norm(x, weight.shape, weight, bias, eps=1e-5),
        scale=100,
    )


def clip_by_clip(change):
    """An oracle that gives ``change`` each clip alone, cut to its own frames, and fills up with 0."""

    def oracle(x, n_frames, *others):
        clips = [change(clip[:n], *others) for clip, n in zip(x, n_frames.tolist(), strict=True)]
        return torch.stack([F.pad(clip, (0, 0, 0, x.shape[1] - len(clip))) for clip in clips])

    return oracle


def padded(draw):
    """Values ``(batch, n_frames, n)``, not 0 in the padding either, and the lengths."""
    batch, longest = draw.integer(1, 3), draw.integer(1, 6)
    return draw.values(batch, longest, draw.integer(1, 3)), draw.lengths(batch, longest)


def prove_clip_norm(module, draw):
    x, n_frames = padded(draw)
    least = [0.001, 10.0][draw.integer(0, 1)]  # 10: every deviation is below it
    n_prior_frames = draw.integer(0, 1) * 2
    mean, deviation = draw.values(x.shape[2]), draw.values(x.shape[2]).abs()

    def norm(clip, mean, deviation, n_prior_frames, least):
        # Two frames that have this mean and this deviation.
        every = torch.cat([clip, torch.stack([mean - deviation, mean + deviation])[: int(n_prior_frames)]])
        centred = every - every.mean(dim=0)
        return (centred / centred.square().mean(dim=0).clamp(min=least**2).sqrt())[: len(clip)]

    # A clip of one frame: x less itself, and what is left of it by rounding is divided by the least deviation.
    prove(
        module.ClipNorm,
        (x, n_frames, mean, deviation, float(n_prior_frames), least),
        clip_by_clip(norm),
        fixed=(2, 3),
        scale=10 / least,
    )


def prove_reverse(module, draw):
    x, n_frames = padded(draw)
    own = frames.frame_mask(n_frames, x.shape[1])[..., None]
    oracle = clip_by_clip(lambda clip: clip.flip(0))
    prove(module.ReverseWithinLength, (x, n_frames), lambda x, n: torch.where(own, oracle(x, n), x))


def prove_mask(module, draw):
    prove(module.MaskFrames, padded(draw), clip_by_clip(lambda clip: clip))


@for_any_sizes
def test_a_linear_layer_is_torchs(draw):
    prove_linear(linear, draw)


@for_any_sizes
def test_the_slope_of_sigmoid_follows_from_its_value(draw):
    prove_sigmoid(activations, draw)


@for_any_sizes
def test_the_slope_of_tanh_follows_from_its_value(draw):
    prove_tanh(activations, draw)


@for_any_sizes
def test_relu_lets_the_error_through_where_it_let_the_value_through(draw):
    prove_relu(activations, draw)


@for_any_sizes
def test_log_softmax_takes_the_probabilities_share_off(draw):
    prove_log_softmax(activations, draw)


def test_relu_has_slope_0_at_0_as_torch_has_it():
    _, saved = activations.Relu.forward(torch.zeros(3))
    assert not activations.Relu.backward(saved, torch.ones(3))[0].any()


def test_log_softmax_of_large_sums_does_not_overflow():
    y, saved = activations.LogSoftmax.forward(torch.tensor([[1000.0, 0.0]], dtype=torch.float64))
    assert y.tolist() == [[0, -1000]]
    assert activations.LogSoftmax.backward(saved, torch.ones(1, 2).double())[0].isfinite().all()


@for_any_sizes
def test_a_word_gathers_the_errors_of_every_place_where_it_stands(draw):
    prove_embedding(embedding, draw)


@for_any_sizes
def test_silenced_units_send_nothing_back(draw):
    prove_dropout(dropout, draw)


@for_any_sizes
def test_a_convolution_is_torchs_for_any_stride_and_padding(draw):
    prove_convolution(convolution, draw)


@for_any_sizes
def test_layer_norm_is_torchs(draw):
    prove_layer_norm(normalisation, draw)


@for_any_sizes
def test_a_clip_is_normalised_over_its_own_frames_as_if_it_were_alone(draw):
    prove_clip_norm(normalisation, draw)


@for_any_sizes
def test_a_clip_is_turned_round_within_its_own_length(draw):
    prove_reverse(frames, draw)


@for_any_sizes
def test_the_padding_is_0_and_sends_nothing_back(draw):
    prove_mask(frames, draw)
