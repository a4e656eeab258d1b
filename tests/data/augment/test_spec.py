import numpy as np
import pytest
import torch
from rooms import make_room

from speech.data.augment.spec import SpecAugment, feature_mask
from speech.data.dataset import Clip, ClipDataset
from speech.data.samplers import Step
from speech.text.alphabet import Alphabet
from speech.training.loss import hidden_features, loss_of

RATE = 16_000
N_SAMPLES = np.full(400, RATE)
N_FRAMES = torch.full((400,), 98)
NOTHING = {"n_times": 0, "time_ms": 0, "time": 1.0, "n_bands": 0, "band": 0}


def masked(n_deltas=0, strength=1.0, **settings):
    """``(400, 98, 40)``, True where a feature is masked, of 400 clips of a second."""
    spans = SpecAugment(**NOTHING | settings).spans(N_SAMPLES, RATE, np.random.default_rng(0), strength)
    return feature_mask(spans, N_FRAMES, 98, 40, n_deltas) == 0


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_time_masks_have_the_widths_asked_for_anywhere(strength):
    times = masked(strength=strength, n_times=1, time_ms=200)
    assert (times.all(dim=2) == times.any(dim=2)).all(), "whole frames"
    width = times[:, :, 0].float().mean(dim=1)
    assert width.mean() == pytest.approx(strength * 0.1, rel=0.1), "uniform from 0 to 0.2 of the second"
    assert width.max() == pytest.approx(strength * 0.2, abs=0.02)
    where = times[:, :, 0].float().mean(dim=0)
    assert where[40:60].mean() > where[:2].mean() > 0, "the edges more rarely"


def test_no_time_mask_is_longer_than_its_proportion_of_a_clip():
    widths = masked(n_times=1, time_ms=10_000, time=0.1)[:, :, 0].float().mean(dim=1)
    assert widths.max() <= 0.1 + 1 / 98


def test_band_masks_have_the_widths_asked_for_at_all_times():
    bands = masked(n_bands=1, band=0.5)
    assert (bands.all(dim=1) == bands.any(dim=1)).all()
    assert bands[:, 0].float().mean() == pytest.approx(0.25, rel=0.1)


def test_a_coefficient_is_masked_with_its_derivatives():
    first, second = masked(n_deltas=1, n_bands=2, band=0.5).chunk(2, dim=2)
    assert torch.equal(first, second)
    assert first.any()


def test_masks_do_not_depend_on_the_length_of_the_batch():
    settings = NOTHING | {"n_times": 2, "time_ms": 300}
    spans = SpecAugment(**settings).spans(N_SAMPLES, RATE, np.random.default_rng(0), 1.0)
    alone, padded = (feature_mask(spans, N_FRAMES, longest, 40, 0) for longest in (98, 150))
    assert torch.equal(padded[:, :98], alone)


def test_features_are_masked_in_training_batches_alone(make_recognizer):
    clips = [Clip(f"c{i}", "Anna", "s", "en", np.full(12_000, i, np.int16)) for i in range(3)]
    spec = SpecAugment(n_times=2, time_ms=200, time=0.3, n_bands=1, band=0.4)
    training = ClipDataset(clips, Alphabet(), RATE, make_room(spec=spec))[Step(0, 0, [0, 1, 2])]
    evaluated = ClipDataset(clips, Alphabet(), RATE)[Step(0, 0, [0, 1, 2])]
    recognizer = make_recognizer().train()
    seen = []
    recognizer.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    assert evaluated.spans is None
    assert hidden_features(recognizer, evaluated) is None
    waveforms = torch.randn(3, 12_000, generator=torch.Generator().manual_seed(0))
    for batch in (training, evaluated):
        loss_of(recognizer, batch._replace(waveforms=waveforms))
    mask = hidden_features(recognizer, training)
    assert torch.equal(seen[0], seen[1] * mask)
    assert 0.2 < mask.mean() < 0.95
