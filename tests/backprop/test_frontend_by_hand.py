"""The front end step by step, each against a clip-by-clip oracle or torchaudio; all of it: test_whole_recognizer.py."""

import torch
from proof import N_DIFFERENCES, clip_by_clip, prove, proves
from torchaudio.functional import compute_deltas

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
    n_in = draw.units(4)
    prove(Filters, (draw.rows(n_in), draw.values(n_in, draw.units(4))), torch.matmul, fixed={1})


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
