from collections import Counter

import numpy as np
import torch

from speech.data.augment import Augment
from speech.data.augment.strength import strength_at
from speech.data.dataset import Clip, ClipDataset
from speech.data.samplers import BucketSampler, Step
from speech.text.alphabet import Alphabet
from speech.text.phones import Inventory, phones
from speech.text.pronunciation import phonemize

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


def test_batches_are_counted_through_all_epochs():
    sampler = BucketSampler(range(100), 8, seed=1)
    sampler.enter(epoch=2, start=3)
    assert [step.n_before for step in sampler] == list(range(2 * 13 + 3, 3 * 13))


def test_one_epoch_can_be_entered_in_its_middle_however_often_it_is_begun():
    sampler = BucketSampler(range(100), 8, seed=1)
    whole = list(sampler)
    sampler.enter(epoch=0, start=5)
    next(iter(sampler))  # a loader with workers has begun, and is begun again
    assert list(sampler) == whole[5:]
    sampler.set_epoch(1)
    assert len(list(sampler)) == len(whole), "the next epoch is whole"


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


def test_a_sample_has_each_clip_by_its_weight_disturbed_in_full_and_the_same_each_time():
    weighed = [clip._replace(weight=weight) for clip, weight in zip(CLIPS, (3.0, 1.0, 0.0), strict=True)]

    strengths = set()

    class Noted(Augment):
        def batch(self, waveforms, sample_rate, rng, n_before=0):
            strengths.add(strength_at(n_before, ramp=1_000_000))
            return super().batch(waveforms, sample_rate, rng, n_before)

    dataset = ClipDataset(weighed, Alphabet(), RATE, Noted(), seed=5)
    first, again = (list(dataset.sample(10, 40)) for _ in range(2))
    counts = Counter(text for batch in first for text in batch.texts)
    assert set(counts) == {"martin", "mark"}
    assert 0.65 < counts["martin"] / 400 < 0.85
    assert strengths == {1.0}
    assert all(torch.equal(a.waveforms, b.waveforms) for a, b in zip(first, again, strict=True))


def test_a_clips_phones_are_what_was_read_aloud_in_its_accent():
    spoken = [
        ("Martin", "en-US", "", phonemize("Martin", "en-US")),
        ("Martin", "en-GB", "", phonemize("Martin", "en-GB")),
        ("Niamh", "en-GB", "neev", phonemize("neev", "en-GB")),
        ("Siobhan", "en-029", "/ʃɪˈvɔːn/", phones("ʃɪvɔn")),
        ("Martin", "de", "", phonemize("Martin")),
    ]
    clips = [
        Clip(str(i), name, "s", accent, np.ones(4_000, np.int16), say=say)
        for i, (name, accent, say, _) in enumerate(spoken)
    ]
    inventory = Inventory()
    batch = ClipDataset(clips, Alphabet(), RATE, inventory=inventory)[Step(0, 0, list(range(len(clips))))]
    for row, n, (_, _, _, expected) in zip(batch.phones, batch.n_phones, spoken, strict=True):
        assert inventory.decode(row[:n].tolist()) == expected
        assert not row[n:].any()
    assert len({expected for *_, expected in spoken}) == 4
    assert batch.texts[2] == "niamh", "the letters are the name's"


def test_without_an_inventory_a_batch_has_no_phones():
    batch = ClipDataset(CLIPS, Alphabet(), RATE)[Step(0, 0, [0, 1])]
    assert batch.phones is batch.n_phones is None
