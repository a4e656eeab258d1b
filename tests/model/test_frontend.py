import pytest
import torch
from torchaudio import transforms

from speech.model.frontend import PRE_EMPHASIS, FrontEnd


@pytest.mark.parametrize("n_mfcc", [20, None])
def test_the_features_are_torchaudios_of_the_emphasised_clip(n_mfcc):
    waveform = 0.1 * torch.randn(1, 9_000, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    emphasised = waveform.clone()
    emphasised[:, 1:] -= PRE_EMPHASIS * waveform[:, :-1]
    emphasised *= 0.015 / emphasised.square().mean().sqrt()  # LOG_FLOOR is 60 dB under it, give or take
    mel = {"n_fft": 400, "hop_length": 160, "n_mels": 40, "center": False, "f_min": 120.0, "f_max": 7_600.0}
    if n_mfcc is None:
        theirs = (transforms.MelSpectrogram(16_000, **mel).double()(emphasised) + 1e-6).log()
    else:
        theirs = transforms.MFCC(16_000, n_mfcc, log_mels=True, melkwargs=mel).double()(emphasised)
    theirs = (theirs - theirs.mean(dim=2, keepdim=True)) / theirs.std(dim=2, correction=0, keepdim=True)
    ours, n_frames = FrontEnd(n_mfcc=n_mfcc).double()(waveform, torch.tensor([9_000]))
    assert n_frames.item() == ours.shape[1]
    assert torch.allclose(ours.transpose(1, 2), theirs, rtol=1e-9, atol=1e-9)


def tone(hz, n_samples=4_000):
    """A voiced sound that never changes: the harmonics of 125 Hz up to the resonance at ``hz``, ``(1, n_samples)``."""
    time = torch.arange(n_samples, dtype=torch.double) / 16_000
    return 0.01 * sum(torch.sin(2 * torch.pi * f * time) for f in range(125, hz, 125))[None]


def test_common_frames_are_as_many_more_frames_of_the_common_mean_and_deviation():
    waveform, n_samples = 0.1 * torch.randn(1, 9_000, generator=torch.Generator().manual_seed(0)), torch.tensor([9_000])
    plain = FrontEnd()
    features = plain._features(waveform, n_samples)[0][0]
    with_common = FrontEnd(n_prior_frames=40)
    with_common.prior_mean.copy_(torch.linspace(-2, 2, 20))
    with_common.prior_deviation.copy_(torch.linspace(0.5, 3, 20))
    more = with_common.prior_mean + with_common.prior_deviation * torch.tensor([-1.0, 1.0]).repeat(20)[:, None]
    every = torch.cat([features, more])
    theirs = (every - every.mean(dim=0)) / every.std(dim=0, correction=0)
    assert torch.allclose(with_common(waveform, n_samples)[0][0], theirs[: len(features)], atol=1e-4)


def test_what_is_fitted_is_the_mean_and_deviation_of_the_clips_own_frames():
    waveforms, n_samples = (
        torch.randn(2, 8_000, generator=torch.Generator().manual_seed(0)),
        torch.tensor([8_000, 3_000]),
    )
    waveforms[1, 3_000:] = 0
    front = FrontEnd(n_mfcc=None)
    front.fit_cmvn_prior([(waveforms, n_samples), (waveforms[:1] / 2, n_samples[:1])])  # as loud as the level makes it
    own = torch.cat(
        [front._features(waveforms[i][None, :n], n[None])[0][0] for i, n in ((0, n_samples[0]), (1, n_samples[1]))]
    )
    own = torch.cat([own, own[: front.n_frames(8_000)]])
    assert torch.allclose(front.prior_mean, own.mean(dim=0), atol=1e-4)
    assert torch.allclose(front.prior_deviation, own.std(dim=0, correction=0), atol=1e-4)


def test_a_word_of_one_sound_keeps_what_tells_it_from_another():
    sounds = [tone(hz) for hz in (500, 1_000, 2_000, 4_000)]
    n_samples = torch.tensor([sounds[0].shape[1]])

    def between(front):
        """The mean distance of two sounds, each by its mean frame."""
        front = front.double()
        front.fit_cmvn_prior([(sound, n_samples) for sound in sounds])
        means = torch.cat([front(sound, n_samples)[0].mean(dim=1) for sound in sounds])
        return torch.pdist(means).mean()

    assert between(FrontEnd()) < 1e-6  # less its own mean, each of them is nothing
    assert between(FrontEnd(n_prior_frames=100)) > 1


def test_what_is_softer_than_the_floor_makes_no_difference():
    """A vowel over nothing at all, and over a hiss 50 dB under it."""
    vowel = tone(1_500, 9_000).float()
    hiss = torch.randn(1, 9_000, generator=torch.Generator().manual_seed(0))
    hissing = vowel + hiss * (vowel.square().mean() / hiss.square().mean()).sqrt() * 10 ** (-50 / 20)

    def change(floor_db):
        front, n_samples = FrontEnd(n_mfcc=None, n_prior_frames=100, floor_db=floor_db), torch.tensor([9_000])
        front.fit_cmvn_prior([(vowel + 0.01 * hiss, n_samples)])
        return (front(vowel, n_samples)[0] - front(hissing, n_samples)[0]).square().mean().sqrt()

    assert change(20) < 0.1 * change(60)


def test_a_floor_over_the_vowels_is_refused():
    with pytest.raises(ValueError, match=r"frontend\.floor_db=0"):
        FrontEnd(floor_db=0)


def test_fewer_common_frames_than_none_are_refused():
    with pytest.raises(ValueError, match=r"frontend\.n_prior_frames=-1"):
        FrontEnd(n_prior_frames=-1)
