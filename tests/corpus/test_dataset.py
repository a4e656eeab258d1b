import numpy as np
import pytest
import torch

from speech.alphabet import Alphabet
from speech.augment import Augment
from speech.corpus.dataset import BucketSampler, Clip, ClipDataset

RATE = 16_000
RNG = np.random.default_rng(0)
CLIPS = [
    Clip(f"c{i}", name, "s", "en", (RNG.normal(size=n) * 3000).astype(np.int16))
    for i, (name, n) in enumerate([("Martin", 9_000), ("Mark", 4_000), ("Anna", 7_000)])
]


def test_an_epoch_holds_every_clip_once_in_batches_of_like_length():
    lengths = RNG.integers(1_000, 20_000, 1_000).tolist()
    sampler = BucketSampler(lengths, 32, seed=1)
    steps = list(sampler)
    assert len(steps) == len(sampler)
    assert sorted(i for step in steps for i in step.clips) == list(range(1_000))
    padded = sum(max(lengths[i] for i in step.clips) * len(step.clips) for step in steps)
    assert padded < 1.15 * sum(lengths)


def test_epochs_differ_and_repeat():
    sampler = BucketSampler(range(100), 8, seed=1)
    first = list(sampler)
    sampler.set_epoch(1)
    assert [step.clips for step in sampler] != [step.clips for step in first]
    sampler.set_epoch(0)
    assert list(sampler) == first


def test_an_epoch_can_be_entered_in_its_middle_once():
    sampler = BucketSampler(range(100), 8, seed=1)
    whole = list(sampler)
    sampler.start = 5
    assert list(sampler) == whole[5:]
    assert list(sampler) == whole


def test_a_batch_is_padded_with_zeros_and_counted():
    batch = ClipDataset(CLIPS, Alphabet(), RATE)[next(iter(BucketSampler([9_000, 4_000, 7_000], 3, shuffle=False)))]
    assert batch.texts == ["mark", "anna", "martin"]
    assert batch.n_samples.tolist() == [4_000, 7_000, 9_000]
    assert batch.n_letters.tolist() == [4, 4, 6]
    assert not batch.waveforms[0, 4_000:].any()
    assert np.array_equal(batch.waveforms[0, :4_000].numpy() * 32768, CLIPS[1].samples)


def test_chance_depends_on_the_step_alone():
    dataset = ClipDataset(CLIPS, Alphabet(), RATE, Augment(), seed=5)
    steps = list(BucketSampler([9_000, 4_000, 7_000], 1, seed=5))
    forth = [dataset[step].waveforms for step in steps]
    back = [dataset[step].waveforms for step in reversed(steps)][::-1]
    assert all(torch.equal(a, b) for a, b in zip(forth, back, strict=True))


@pytest.mark.parametrize("ratio_db", [10.0, 30.0])
@pytest.mark.parametrize("disturbance", ["noise_db", "hum_db"])
def test_disturbances_lie_as_far_under_the_speech_as_asked(disturbance, ratio_db):
    off = {"speed": None, "edge_ms": None, "noise_db": None, "hum_db": None}
    waveform = RNG.normal(size=RATE).astype(np.float32)
    changed = Augment(**off | {disturbance: (ratio_db, ratio_db)})(waveform, RATE, np.random.default_rng(0))
    measured = 10 * np.log10(np.mean(waveform**2) / np.mean((changed - waveform) ** 2))
    assert measured == pytest.approx(ratio_db, abs=0.1)


def test_speed_changes_length_and_pitch_together():
    off = {"edge_ms": None, "noise_db": None, "hum_db": None}
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
    faster = Augment(speed=(1.25, 1.25), **off)(tone, RATE, np.random.default_rng(0))
    assert len(faster) == pytest.approx(RATE / 1.25, abs=2)
    assert np.abs(np.fft.rfft(faster)).argmax() * RATE / len(faster) == pytest.approx(550, abs=2)


def test_without_any_step_a_clip_stays_as_it_is():
    waveform = RNG.normal(size=100).astype(np.float32)
    assert np.array_equal(Augment(None, None, None, None)(waveform, RATE, RNG), waveform)
