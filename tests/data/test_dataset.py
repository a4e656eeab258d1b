from collections import Counter

import numpy as np
import pytest
import torch
from small_sequences import make_concatenation

from speech.data.augment.light import Augment
from speech.data.augment.strength import strength_at
from speech.data.concatenation import SequenceSampler
from speech.data.dataset import Clip, ClipDataset
from speech.data.samplers import BucketSampler, MixedSampler, Step
from speech.text.alphabet import Alphabet
from speech.text.phones import Inventory, phones
from speech.text.pronunciation import phonemize

RATE = 16_000
LENGTHS = [9_000, 4_000, 7_000]
LIGHT = {"speed": (0.88, 1.14), "edge_ms": 40, "noise_db": (20, 60), "hum_db": (15, 60)}
RNG = np.random.default_rng(0)
CLIPS = [
    Clip(f"c{i}", name, "s", "en", (RNG.normal(size=n) * 3000).astype(np.int16))
    for i, (name, n) in enumerate(zip(["Martin", "Mark", "Anna"], LENGTHS, strict=True))
]
SAMPLERS = [
    lambda: BucketSampler(range(100), 8, seed=1),
    lambda: MixedSampler(10, 50, 8, 0.5, 12, seed=1),
    lambda: SequenceSampler(
        np.arange(1, 101), np.ones(100), make_concatenation(20, length_s=(2, 100)), 10, seed=1, n_steps=30
    ),
]


def test_an_epoch_has_every_clip_once_in_batches_of_similar_length():
    lengths = RNG.integers(1_000, 20_000, 1_000).tolist()
    sampler = BucketSampler(lengths, 32, seed=1)
    steps = list(sampler)
    assert len(steps) == len(sampler)
    assert sorted(i for step in steps for i in step.clips) == list(range(1_000))
    padded = sum(max(lengths[i] for i in step.clips) * len(step.clips) for step in steps)
    assert padded < 1.15 * sum(lengths)


@pytest.mark.parametrize("make_sampler", SAMPLERS)
def test_epochs_differ_and_can_be_repeated_and_entered_in_their_middle(make_sampler):
    sampler = make_sampler()
    first = list(sampler)
    sampler.enter(epoch=0, start=5)
    next(iter(sampler))  # a loader with workers begins an epoch, and begins it again
    assert list(sampler) == first[5:]
    sampler.set_epoch(1)
    second = list(sampler)
    assert len(second) == len(first), "the next epoch is whole"
    assert [step.clips for step in second] != [step.clips for step in first]
    other = make_sampler()
    for epoch, steps in ((1, second), (0, first)):
        other.set_epoch(epoch)
        assert list(other) == steps


@pytest.mark.parametrize("make_sampler", SAMPLERS)
def test_a_step_has_the_number_of_batches_before_it(make_sampler):
    sampler = make_sampler()
    n = len(list(sampler))
    sampler.enter(epoch=2, start=3)
    assert [step.n_before for step in sampler] == list(range(2 * n + 3, 3 * n))


def test_a_batch_is_padded_with_zeros_and_has_its_lengths():
    batch = ClipDataset(CLIPS, Alphabet(), RATE)[next(iter(BucketSampler(LENGTHS, 3, shuffle=False)))]
    assert batch.texts == ["mark", "anna", "martin"]
    assert batch.n_samples.tolist() == [4_000, 7_000, 9_000]
    assert batch.n_letters.tolist() == [4, 4, 6]
    assert not batch.waveforms[0, 4_000:].any()
    assert np.array_equal(batch.waveforms[0, :4_000].numpy() * 32768, CLIPS[1].samples)
    assert batch.phones is batch.n_phones is None, "without an inventory"


def test_augmentation_depends_on_the_step_alone():
    dataset = ClipDataset(CLIPS, Alphabet(), RATE, Augment(**LIGHT), seed=5)
    steps = list(BucketSampler(LENGTHS, 1, seed=5))
    forwards = [dataset[step].waveforms for step in steps]
    backwards = [dataset[step].waveforms for step in reversed(steps)][::-1]
    assert all(torch.equal(a, b) for a, b in zip(forwards, backwards, strict=True))


def test_a_sample_has_clips_by_weight_in_full_strength_and_is_repeatable():
    strengths = set()

    class Noted(Augment):
        def batch(self, waveforms, sample_rate, rng, n_before=0):
            strengths.add(strength_at(n_before, ramp=1_000_000))
            return super().batch(waveforms, sample_rate, rng, n_before)

    weighted = [clip._replace(weight=weight) for clip, weight in zip(CLIPS, (3.0, 1.0, 0.0), strict=True)]
    dataset = ClipDataset(weighted, Alphabet(), RATE, Noted(**LIGHT), seed=5)
    first, again = (list(dataset.sample(10, 40)) for _ in range(2))
    counts = Counter(text for batch in first for text in batch.texts)
    assert set(counts) == {"martin", "mark"}
    assert 0.65 < counts["martin"] / 400 < 0.85
    assert strengths == {1.0}
    assert all(torch.equal(a.waveforms, b.waveforms) for a, b in zip(first, again, strict=True))


def test_the_phones_of_a_clip_are_of_the_text_read_in_its_accent():
    spoken = [
        ("Martin", "en-US", "", phonemize("Martin", "en-US")),
        ("Martin", "en-GB", "", phonemize("Martin", "en-GB")),
        ("Niamh", "en-GB", "neev", phonemize("neev", "en-GB")),
        ("Siobhan", "en-029", "/ʃɪˈvɔːn/", phones("ʃɪvɔn")),
        ("Martin", "de", "", phonemize("Martin")),
    ]
    samples = np.ones(4_000, np.int16)
    clips = [Clip(str(i), name, "s", accent, samples, say=say) for i, (name, accent, say, _) in enumerate(spoken)]
    inventory = Inventory()
    batch = ClipDataset(clips, Alphabet(), RATE, inventory=inventory)[Step(0, 0, list(range(len(clips))))]
    for row, n, (*_, expected) in zip(batch.phones, batch.n_phones, spoken, strict=True):
        assert inventory.decode(row[:n].tolist()) == expected
        assert not row[n:].any()
    assert len({expected for *_, expected in spoken}) == 4
    assert batch.texts[2] == "niamh", "the letters are the name's"
