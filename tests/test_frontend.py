import pytest
import torch
from torchaudio import transforms

from speech.frontend import LEVEL, PRE_EMPHASIS, FrontEnd


@pytest.mark.parametrize("n_mfcc", [20, None])
def test_the_features_are_torchaudios_of_the_emphasised_clip(n_mfcc):
    waveform = 0.1 * torch.randn(1, 9_000, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    emphasised = waveform.clone()
    emphasised[:, 1:] -= PRE_EMPHASIS * waveform[:, :-1]
    emphasised *= LEVEL / emphasised.square().mean().sqrt()
    mel = {"n_fft": 400, "hop_length": 160, "n_mels": 40, "center": False, "f_min": 120.0, "f_max": 7_600.0}
    if n_mfcc is None:
        theirs = (transforms.MelSpectrogram(16_000, **mel).double()(emphasised) + 1e-6).log()
    else:
        theirs = transforms.MFCC(16_000, n_mfcc, log_mels=True, melkwargs=mel).double()(emphasised)
    theirs = (theirs - theirs.mean(dim=2, keepdim=True)) / theirs.std(dim=2, correction=0, keepdim=True)
    ours, n_frames = FrontEnd(n_mfcc=n_mfcc).double()(waveform, torch.tensor([9_000]))
    assert n_frames.item() == ours.shape[1]
    assert torch.allclose(ours.transpose(1, 2), theirs, rtol=1e-9, atol=1e-9)
