import pytest
import torch
from torchaudio import transforms

from speech.model.frontend import LOG_FLOOR, PRE_EMPHASIS, FrontEnd


def noise(n_clips, n_samples):
    return torch.randn(n_clips, n_samples, generator=torch.Generator().manual_seed(0), dtype=torch.double) / 10


def tone(hz, n_samples=4_000):
    """A voiced sound that never changes: the harmonics of 125 Hz up to the resonance at ``hz``, ``(1, n_samples)``."""
    time = torch.arange(n_samples, dtype=torch.double) / 16_000
    return 0.01 * sum(torch.sin(2 * torch.pi * f * time) for f in range(125, hz, 125))[None]


def normalised(frames):
    return (frames - frames.mean(dim=0)) / frames.std(dim=0, correction=0)


@pytest.mark.parametrize("n_mfcc", [20, None])
def test_features_are_torchaudios_of_the_emphasised_clip(n_mfcc):
    waveform = noise(1, 9_000)
    emphasised = waveform.clone()
    emphasised[:, 1:] -= PRE_EMPHASIS * waveform[:, :-1]
    emphasised *= 0.015 / emphasised.square().mean().sqrt()  # LOG_FLOOR is about 60 dB below it
    mel = {"n_fft": 400, "hop_length": 160, "n_mels": 40, "center": False, "f_min": 120.0, "f_max": 7_600.0}
    if n_mfcc is None:
        theirs = (transforms.MelSpectrogram(16_000, **mel).double()(emphasised) + LOG_FLOOR).log()
    else:
        theirs = transforms.MFCC(16_000, n_mfcc, log_mels=True, melkwargs=mel).double()(emphasised)
    front = FrontEnd(n_mfcc=n_mfcc, n_prior_frames=0, floor_db=60).double()
    ours, n_frames = front(waveform, torch.tensor([9_000]))
    assert n_frames.item() == ours.shape[1]
    assert torch.allclose(ours[0], normalised(theirs[0].T), rtol=1e-9, atol=1e-9)


def test_the_prior_counts_as_that_many_frames_of_its_mean_and_deviation():
    waveform, n_samples = noise(1, 9_000), torch.tensor([9_000])
    front = FrontEnd(n_prior_frames=40).double()
    front.prior_mean.copy_(torch.linspace(-2, 2, 20))
    front.prior_deviation.copy_(torch.linspace(0.5, 3, 20))
    own = front._features(waveform, n_samples)[0][0]
    more = front.prior_mean + front.prior_deviation * torch.tensor([-1.0, 1.0]).repeat(20)[:, None]
    theirs = normalised(torch.cat([own, more]))[: len(own)]
    assert torch.allclose(front(waveform, n_samples)[0][0], theirs)


def test_the_fitted_prior_is_the_mean_and_deviation_of_the_frames():
    waveforms, n_samples = noise(2, 8_000), torch.tensor([8_000, 3_000])
    waveforms[1, 3_000:] = 0
    front = FrontEnd(n_mfcc=None).double()
    front.fit_cmvn_prior([(waveforms, n_samples), (waveforms[:1] / 2, n_samples[:1])])  # scaled to the same level
    first, second = (front._features(waveforms[i][None, :n], n[None])[0][0] for i, n in enumerate(n_samples))
    own = torch.cat([first, second, first])
    assert torch.allclose(front.prior_mean, own.mean(dim=0))
    assert torch.allclose(front.prior_deviation, own.std(dim=0, correction=0))


def test_words_of_one_sound_are_told_apart_by_the_prior():
    sounds, n_samples = [tone(hz) for hz in (500, 1_000, 2_000, 4_000)], torch.tensor([4_000])

    def distance(n_prior_frames):
        """The mean distance of two sounds, each by its mean frame."""
        front = FrontEnd(n_prior_frames=n_prior_frames).double()
        front.fit_cmvn_prior([(sound, n_samples) for sound in sounds])
        return torch.pdist(torch.cat([front(sound, n_samples)[0].mean(dim=1) for sound in sounds])).mean()

    assert distance(0) < 1e-6  # less its own mean, each of them is nothing
    assert distance(100) > 1


def test_a_hiss_below_the_floor_makes_no_difference():
    """A vowel over nothing at all, and over a hiss 50 dB below it."""
    vowel, hiss, n_samples = tone(1_500, 9_000), noise(1, 9_000), torch.tensor([9_000])
    hissing = vowel + hiss * (vowel.square().mean() / hiss.square().mean()).sqrt() * 10 ** (-50 / 20)

    def change(floor_db):
        front = FrontEnd(n_mfcc=None, floor_db=floor_db).double()
        front.fit_cmvn_prior([(vowel + 0.1 * hiss, n_samples)])
        return (front(vowel, n_samples)[0] - front(hissing, n_samples)[0]).square().mean().sqrt()

    assert change(20) < 0.1 * change(60)


@pytest.mark.parametrize(("key", "value"), [("floor_db", 0), ("n_prior_frames", -1), ("f_max", 9_000), ("n_mfcc", 41)])
def test_values_that_contradict_one_another_are_refused_by_name(key, value):
    with pytest.raises(ValueError, match=f"frontend.{key}={value}"):
        FrontEnd(**{key: value})
