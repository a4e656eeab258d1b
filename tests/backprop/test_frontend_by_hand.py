"""The front end step by step, each against a clip-by-clip oracle or torchaudio, and all of it against its MFCC."""

import pytest
import torch
import torchaudio
from proof import N_DIFFERENCES, clip_by_clip, hold, prove, proves
from torchaudio.functional import compute_deltas

from speech.backprop.chain import Chain
from speech.backprop.frames import frame_mask
from speech.backprop.frontend import QUIETEST, Deltas, Filters, Level, Log, PowerSpectrum, PreEmphasis


@proves("PreEmphasis", large=True)
def test_pre_emphasis_equals_its_formula_on_each_clip(draw):
    oracle = clip_by_clip(lambda clip, factor: torch.cat([clip[:1], clip[1:] - factor * clip[:-1]]))
    prove(PreEmphasis, (*draw.padded(12), 0.97), oracle)


def level_of(x, n_samples, level):
    power = x.square().sum(dim=1, keepdim=True) / n_samples[:, None]
    return x * level / power.clamp(min=QUIETEST**2).sqrt()


@proves("Level", large=True)
def test_level_equals_its_formula_and_leaves_silence_silent(draw):
    x, n_samples = draw.padded(12)
    x = x * frame_mask(n_samples, x.shape[1])  # as pre-emphasis leaves it
    silent = draw.integer(0, 3) == 0
    if silent:
        x[0] = 0  # its gain is held at the highest, which a step of any size would leave

    prove(Level, (x, n_samples, 0.3), level_of, n_differences=0 if silent else N_DIFFERENCES)


def test_level_removes_loudness_so_the_gradient_is_orthogonal_to_the_clip():
    torch.manual_seed(0)
    x, grad = torch.randn(2, 50, dtype=torch.float64), torch.randn(2, 50, dtype=torch.float64)
    n_samples = torch.tensor([50, 50])
    y, saved = Level.forward(x, n_samples, 0.015)
    hold("louder", Level.forward(7 * x, n_samples, 0.015)[0], y)
    along = (Level.backward(saved, grad)[0] * x).sum(dim=1)
    hold("along", along, torch.zeros(2, dtype=torch.float64), scale=100)


@proves("PowerSpectrum", large=True)
def test_power_spectrum_equals_torch(draw):
    n, hop = draw.integer(2, 9), draw.integer(1, 5)
    (x, _), window = draw.padded(n + draw.integer(0, 9)), draw.values(n)

    def oracle(x, window, hop):
        spectrum = torch.stft(x, n, hop, window=window, center=False, return_complex=True)
        return (spectrum.real.square() + spectrum.imag.square()).transpose(1, 2)

    prove(PowerSpectrum, (x, window, hop), oracle, fixed={1}, scale=10)


@proves("Filters", large=True)
def test_filters_equal_a_matrix_product(draw):
    n_in = draw.integer(1, 4)
    prove(Filters, (draw.rows(n_in), draw.values(n_in, draw.integer(1, 4))), torch.matmul, fixed={1})


@proves("Log", large=True)
def test_log_equals_torch(draw):
    prove(Log, (draw.rows(4).abs(), 0.1), lambda x, floor: torch.log(x + floor))


@proves("Deltas", large=True)
def test_deltas_equal_torchaudio_on_each_clip_alone(draw):
    x, n_frames = draw.padded(draw.integer(1, 6), draw.integer(1, 3))
    own = frame_mask(n_frames, x.shape[1])[..., None]

    def slopes(clip, n_orders):
        orders = [clip]
        for _ in range(n_orders):
            orders.append(compute_deltas(orders[-1].T).T)
        return torch.cat(orders, dim=1)

    prove(Deltas, (x, n_frames, draw.integer(0, 3)), clip_by_clip(slopes), counts=own.double())


@pytest.mark.parametrize("n_mfcc", [7, 13])
def test_the_steps_in_a_row_equal_torchaudios_mfcc(n_mfcc):
    torch.manual_seed(0)
    sizes = {"n_fft": 64, "hop_length": 20, "n_mels": 13, "center": False, "f_min": 50.0, "f_max": 900.0}
    mfcc = torchaudio.transforms.MFCC(2_000, n_mfcc, log_mels=True, melkwargs=sizes).double()
    x = torch.randn(2, 300, dtype=torch.float64, requires_grad=True)
    expected = mfcc(x).transpose(1, 2)
    grad = torch.randn_like(expected)
    expected.backward(grad)
    spectrum, chain = mfcc.MelSpectrogram, Chain()
    y = chain.step("power", PowerSpectrum, x.detach(), spectrum.spectrogram.window, spectrum.spectrogram.hop_length)
    y = chain.step("mel", Filters, y, spectrum.mel_scale.fb)
    y = chain.step("log", Log, y, 1e-6)
    y = chain.step("dct", Filters, y, mfcc.dct_mat)
    hold("mfcc", y, expected.detach(), scale=100)
    hold("waveform", chain.backward(grad)[1]["input"], x.grad, scale=100)
