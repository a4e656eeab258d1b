import numpy as np
import pytest
import torch

from speech.data.augment.room import Room
from speech.data.augment.spec import SpecAugment, feature_mask
from speech.data.dataset import Clip, ClipDataset
from speech.data.samplers import Step
from speech.text.alphabet import Alphabet
from speech.training.loss import hidden_features, loss_of

RATE = 16_000
N_SAMPLES = np.full(400, RATE)
N_FRAMES = torch.full((400,), 98)


def hidden(n_deltas=0, strength=1.0, **settings):
    """``(400, 98, 40)``, True where a feature is hidden, of 400 clips of a second."""
    spans = SpecAugment(**settings).spans(N_SAMPLES, RATE, np.random.default_rng(0), strength)
    return feature_mask(spans, N_FRAMES, 98, 40, n_deltas) == 0


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_as_much_time_is_hidden_as_asked(strength):
    times = hidden(strength=strength, n_times=1, time_ms=200, time=1, n_bands=0)
    assert (times.all(dim=2) == times.any(dim=2)).all(), "whole frames"
    width = times[:, :, 0].float().mean(dim=1)
    assert width.mean() == pytest.approx(strength * 0.1, rel=0.1), "uniform from 0 to 0.2 of the second"
    assert width.max() == pytest.approx(strength * 0.2, abs=0.02)
    where = times[:, :, 0].float().mean(dim=0)
    assert where[40:60].mean() > where[:2].mean() > 0, "anywhere, the edges more rarely"


def test_no_stretch_takes_more_of_a_clip_than_allowed():
    shares = hidden(n_times=1, time_ms=10_000, time=0.1, n_bands=0)[:, :, 0].float().mean(dim=1)
    assert shares.max() <= 0.1 + 1 / 98


def test_as_many_coefficients_are_hidden_as_asked():
    bands = hidden(n_times=0, n_bands=1, band=0.5)
    assert (bands.all(dim=1) == bands.any(dim=1)).all(), "all the time"
    assert bands[:, 0].float().mean() == pytest.approx(0.25, rel=0.1)


def test_a_coefficient_is_hidden_with_its_derivatives():
    first, second = hidden(n_deltas=1, n_times=0, n_bands=2, band=0.5).chunk(2, dim=2)
    assert torch.equal(first, second)
    assert first.any()


def test_stretches_lie_within_each_clips_own_frames():
    """Hidden are the same parts of a clip, however long the batch is that it stands in."""
    spans = SpecAugment(n_times=2, time_ms=300, time=1).spans(N_SAMPLES, RATE, np.random.default_rng(0), 1.0)
    alone, padded = (feature_mask(spans, N_FRAMES, longest, 40, 0) for longest in (98, 150))
    assert torch.equal(padded[:, :98], alone)


CLIPS = [Clip(f"c{i}", "Anna", "s", "en", np.full(12_000, i, np.int16)) for i in range(3)]
HIDING = {"ramp": 0, "speed": None, "edge_ms": None, "gain_db": None, "spec": SpecAugment(2, 200, 0.3, 1, 0.4)}


def test_training_hides_features_and_what_is_heard_elsewhere_is_whole(make_recognizer):
    step = Step(0, 0, [0, 1, 2])
    training = ClipDataset(CLIPS, Alphabet(), RATE, Room(**HIDING))[step]
    judged = ClipDataset(CLIPS, Alphabet(), RATE)[step]
    recognizer = make_recognizer().train()
    seen = []
    recognizer.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    assert judged.spans is None
    assert hidden_features(recognizer, judged) is None
    for batch in (training, judged):
        loss_of(
            recognizer, batch._replace(waveforms=torch.randn(3, 12_000, generator=torch.Generator().manual_seed(0)))
        )
    mask = hidden_features(recognizer, training)
    assert torch.equal(seen[0], seen[1] * mask)
    assert 0.2 < mask.mean() < 0.95


def test_a_wrong_setting_is_named():
    with pytest.raises(ValueError, match=r"augment.spec.band=1.5 must be a probability"):
        SpecAugment(band=1.5)
