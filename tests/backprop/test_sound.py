"""The front end step by step, each against a clip-by-clip oracle or torchaudio, and all of it against its MFCC."""

import pytest
import torch
import torchaudio
from proof import N_DIFFERENCES, for_any_sizes, hold, prove
from test_feedforward import clip_by_clip, padded
from torch.nn import functional as F
from torchaudio.functional import compute_deltas

from speech.backprop import frontend
from speech.backprop.frames import frame_mask


def sounds(draw, longest=12):
    """Waveforms ``(batch, n_samples)``, not silent in the padding either, and their lengths."""
    batch = draw.integer(1, 3)
    return draw.values(batch, longest), draw.lengths(batch, longest)


def each_sound(change):
    """An oracle that gives ``change`` each waveform alone, cut to its own samples, and fills up with 0."""

    def oracle(x, n_samples, *others):
        clips = [change(clip[:n], *others) for clip, n in zip(x, n_samples.tolist(), strict=True)]
        return torch.stack([F.pad(clip, (0, x.shape[1] - len(clip))) for clip in clips])

    return oracle


def prove_pre_emphasis(module, draw):
    oracle = each_sound(lambda clip, factor: torch.cat([clip[:1], clip[1:] - factor * clip[:-1]]))
    prove(module.PreEmphasis, (*sounds(draw), 0.97), oracle)


def prove_level(module, draw):
    x, n_samples = sounds(draw)
    x = x * frame_mask(n_samples, x.shape[1])  # as pre-emphasis leaves it
    silent = draw.integer(0, 3) == 0
    if silent:
        x[0] = 0  # stays silent: its gain is held at the highest, which a step of any size would leave

    def oracle(x, n_samples, level):
        power = x.square().sum(dim=1, keepdim=True) / n_samples[:, None]
        return x * level / power.clamp(min=frontend.QUIETEST**2).sqrt()

    prove(module.Level, (x, n_samples, 0.3), oracle, n_differences=0 if silent else N_DIFFERENCES)


def prove_power_spectrum(module, draw):
    n, hop = draw.integer(2, 9), draw.integer(1, 5)
    x, window = draw.values(draw.integer(1, 3), n + draw.integer(0, 9)), draw.values(n)

    def oracle(x, window, hop):
        spectrum = torch.stft(x, n, hop, window=window, center=False, return_complex=True)
        return (spectrum.real.square() + spectrum.imag.square()).transpose(1, 2)

    prove(module.PowerSpectrum, (x, window, hop), oracle, fixed={1}, scale=10)


def prove_filters(module, draw):
    n_in = draw.integer(1, 4)
    x = draw.values(draw.integer(1, 3), draw.integer(1, 3), n_in)
    prove(module.Filters, (x, draw.values(n_in, draw.integer(1, 4))), torch.matmul, fixed={1})


def prove_log(module, draw):
    prove(module.Log, (draw.values(draw.integer(1, 3), 4).abs(), 0.1), lambda x, floor: torch.log(x + floor))


def prove_deltas(module, draw):
    x, n_frames = padded(draw)
    own = frame_mask(n_frames, x.shape[1])[..., None]

    def slopes(clip, n_orders):
        orders = [clip]
        for _ in range(n_orders):
            orders.append(compute_deltas(orders[-1].T).T)
        return torch.cat(orders, dim=1)

    prove(module.Deltas, (x, n_frames, draw.integer(0, 3)), clip_by_clip(slopes), counts=own.double())


@for_any_sizes
def test_pre_emphasis_sends_the_error_to_both_samples_that_it_took(draw):
    prove_pre_emphasis(frontend, draw)


@for_any_sizes
def test_a_levelled_clip_sends_back_nothing_along_its_own_loudness(draw):
    prove_level(frontend, draw)


@for_any_sizes
def test_the_power_spectrum_is_torchs_and_goes_back_by_an_inverse_transform(draw):
    prove_power_spectrum(frontend, draw)


@for_any_sizes
def test_filters_are_a_product(draw):
    prove_filters(frontend, draw)


@for_any_sizes
def test_the_logarithms_slope_is_one_over_what_it_took(draw):
    prove_log(frontend, draw)


@for_any_sizes
def test_deltas_are_torchaudios_for_each_clip_alone(draw):
    prove_deltas(frontend, draw)


def test_loudness_is_what_level_takes_away_so_the_error_has_no_part_along_the_sound():
    torch.manual_seed(0)
    x, grad = torch.randn(2, 50, dtype=torch.float64), torch.randn(2, 50, dtype=torch.float64)
    y, saved = frontend.Level.forward(x, torch.tensor([50, 50]), 0.015)
    louder, _ = frontend.Level.forward(7 * x, torch.tensor([50, 50]), 0.015)
    hold("louder", louder, y)
    along = (frontend.Level.backward(saved, grad)[0] * x).sum(dim=1)
    hold("along", along, torch.zeros(2, dtype=torch.float64), scale=100)


@pytest.mark.parametrize("n_mfcc", [7, 13])
def test_the_steps_together_are_torchaudios_mfcc_and_its_gradient(n_mfcc):
    torch.manual_seed(0)
    sizes = {"n_fft": 64, "hop_length": 20, "n_mels": 13, "center": False, "f_min": 50.0, "f_max": 900.0}
    mfcc = torchaudio.transforms.MFCC(2_000, n_mfcc, log_mels=True, melkwargs=sizes).double()
    x = torch.randn(2, 300, dtype=torch.float64, requires_grad=True)
    expected = mfcc(x).transpose(1, 2)
    grad = torch.randn_like(expected)
    expected.backward(grad)
    spectrum = mfcc.MelSpectrogram
    steps = [
        (frontend.PowerSpectrum, spectrum.spectrogram.window, spectrum.spectrogram.hop_length),
        (frontend.Filters, spectrum.mel_scale.fb),
        (frontend.Log, 1e-6),
        (frontend.Filters, mfcc.dct_mat),
    ]
    y, way_back = x.detach(), []
    for operation, *others in steps:
        y, saved = operation.forward(y, *others)
        way_back.append((operation, saved))
    hold("mfcc", y, expected.detach(), scale=100)
    for operation, saved in reversed(way_back):
        grad, *_ = operation.backward(saved, grad)
    hold("waveform", grad, x.grad, scale=100)
