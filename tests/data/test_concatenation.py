"""Short clips strung together, and batches of equal sound."""

from collections import Counter

import numpy as np
import pytest
from small_sequences import make_concatenation

from speech.data.augment.light import Augment
from speech.data.concatenation import SequenceSampler
from speech.data.dataset import Clip, ClipDataset
from speech.data.samplers import Step
from speech.text.alphabet import Alphabet
from speech.text.phones import Inventory
from speech.text.pronunciation import phonemize

RATE = 1_000
RNG = np.random.default_rng(0)
WAVEFORMS = [RNG.uniform(0.1, 0.2, n).astype(np.float32) for n in (300, 500, 400)]  # without a zero
SHORT, WHOLE = RNG.integers(300, 1_200, 200), RNG.integers(2_000, 9_000, 150)
LENGTHS = np.concatenate([SHORT, WHOLE])


def parted(sequence):
    """The stretches of ``sequence`` between its zeros, and the lengths of those of zeros."""
    edges = np.flatnonzero(np.diff(sequence != 0, prepend=False, append=False)).reshape(-1, 2)
    return [sequence[a:b] for a, b in edges], (edges[1:, 0] - edges[:-1, 1]).tolist()


@pytest.mark.parametrize(("chance", "least", "most"), [(0, 100, 200), (1, 1_000, 1_500)])
def test_the_clips_of_a_sequence_follow_each_other_with_pauses(chance, least, most):
    rng = np.random.default_rng(1)
    sequences = [make_concatenation(60, pause_chance=chance)(WAVEFORMS, RATE, rng) for _ in range(20)]
    pauses = []
    for sequence in sequences:
        clips, some = parted(sequence)
        assert all(map(np.array_equal, clips, WAVEFORMS))
        pauses += some
    assert least <= min(pauses) < least + 0.2 * (most - least)
    assert most - 0.2 * (most - least) < max(pauses) <= most


def test_pauses_are_long_as_often_as_they_are_to_be():
    together, rng = make_concatenation(60, pause_chance=0.4), np.random.default_rng(1)
    pauses = np.concatenate([parted(together(WAVEFORMS, RATE, rng))[1] for _ in range(300)])
    assert (pauses > 500).mean() == pytest.approx(0.4, abs=0.05)
    assert pauses.mean() / RATE == pytest.approx(together.mean_pause_s, abs=0.05)


def test_a_clip_in_a_sequence_has_a_level_of_its_own_and_never_clips():
    together, rng = make_concatenation(60, level_chance=1, level_dbfs=(-12, -6)), np.random.default_rng(1)
    click = np.full(400, 1e-3, np.float32)
    click[7] = 0.5  # at -6 dBFS its peak would be 10 times full scale
    of_clips = [parted(together([*WAVEFORMS, click], RATE, rng))[0] for _ in range(50)]
    levels = np.array([[20 * np.log10(np.sqrt(np.mean(one**2))) for one in some[:-1]] for some in of_clips])
    assert -12.01 <= levels.min() < -11
    assert -7 < levels.max() <= -5.99
    assert abs(np.diff(levels, axis=1)).max() > 3
    assert {float(np.abs(some[-1]).max()) for some in of_clips} == {1.0}


def test_a_single_clip_is_as_it_was_and_draws_nothing():
    rng = np.random.default_rng(1)
    before = rng.bit_generator.state
    assert make_concatenation(60, level_chance=1)(WAVEFORMS[:1], RATE, rng) is WAVEFORMS[0]
    assert rng.bit_generator.state == before


def sampler(lengths=LENGTHS, weights=None, batch_s=60, n_steps=1, **changed):
    weights = np.ones(len(lengths)) if weights is None else weights
    return SequenceSampler(lengths, weights, make_concatenation(batch_s, **changed), RATE, seed=1, n_steps=n_steps)


def test_batches_have_equal_sound_in_sequences_of_similar_length():
    for step in sampler(n_steps=60):
        of = np.array([sum(LENGTHS[list(some)]) / RATE for some in step.clips])
        strung = np.array([len(some) > 1 for some in step.clips])
        assert sum(of) == pytest.approx(60, rel=0.3)
        assert strung.mean() == pytest.approx(0.5, abs=0.15), "a long clip alone may fill a short sequence"
        wholes = [LENGTHS[some[0]] / RATE for some in step.clips if some[0] >= len(SHORT)]
        assert min(wholes) > 0.4 * max(wholes)
        assert of[strung].max() <= max(wholes)
        assert of[strung].min() > min(wholes) - 1.2 - 0.15 * 8


def test_short_clips_are_strung_together_and_long_ones_are_not():
    steps = list(sampler(n_steps=60))
    for some in (some for step in steps for some in step.clips):
        assert len(some) == 1 or max(some) < len(SHORT)
    kinds = Counter(some[0] < len(SHORT) for step in steps for some in step.clips)
    assert kinds[True] / kinds.total() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(("lengths", "strung"), [(SHORT, True), (WHOLE, False)])
def test_of_clips_of_one_kind_every_batch_is_made(lengths, strung):
    steps = list(sampler(lengths, n_steps=40))
    assert np.mean([len(some) > 1 for step in steps for some in step.clips]) == pytest.approx(int(strung), abs=0.1)
    sound = [sum(lengths[i] for some in step.clips for i in some) / RATE for step in steps]
    assert np.mean(sound) == pytest.approx(60, rel=0.25)


def test_clips_are_drawn_by_weight():
    weights = np.ones(len(LENGTHS))
    weights[:100] = 3.0
    weights[[150, 300]] = 0
    drawn = Counter(i for step in sampler(weights=weights, n_steps=400) for some in step.clips for i in some)
    assert not drawn[150]
    assert not drawn[300]
    often, seldom = (np.mean([drawn[i] for i in some]) for some in (range(100), range(100, 150)))
    assert often / seldom == pytest.approx(3, rel=0.1)


def test_an_epoch_has_as_many_batches_as_the_sound_fills():
    weights = np.full(len(LENGTHS), 2.0)
    assert len(sampler(weights=weights)) == len(list(sampler(weights=weights))) == -(-2 * LENGTHS.sum() // (60 * RATE))
    assert len(sampler(n_steps=300)) == 300


def test_the_texts_of_a_sequence_are_its_clips_one_after_the_other():
    names = ["Martin", "Anne Marie", "Zoé"]
    clips = [
        Clip(f"c{i}", name, f"s{i}", accent, (waveform * 30_000).astype(np.int16))
        for i, (name, accent, waveform) in enumerate(zip(names, ("en-US", "en-GB", "fr"), WAVEFORMS, strict=True))
    ]
    alphabet, inventory = Alphabet(), Inventory()
    dataset = ClipDataset(clips, alphabet, RATE, inventory=inventory, concatenate=make_concatenation(60))
    batch = dataset[Step(0, 0, [(2, 0, 1), (1,)])]
    assert batch.texts == ["zoe martin anne marie", "anne marie"]
    assert [
        alphabet.decode(row[:n].tolist()) for row, n in zip(batch.targets, batch.n_letters, strict=True)
    ] == batch.texts
    spoken = [phonemize(clip.name, clip.accent) for clip in clips]
    assert inventory.decode(batch.phones[0, : batch.n_phones[0]].tolist()) == (*spoken[2], *spoken[0], *spoken[1])
    assert inventory.decode(batch.phones[1, : batch.n_phones[1]].tolist()) == tuple(spoken[1])
    waveforms, _ = parted(batch.waveforms[0, : batch.n_samples[0]].numpy())
    assert all(map(np.array_equal, waveforms, (clips[i].waveform for i in (2, 0, 1))))


def test_sequences_are_augmented_as_wholes_and_depend_on_the_step_alone():
    clips = [
        Clip(f"c{i}", "Anna", "s", "en", (RNG.normal(size=n) * 3_000).astype(np.int16)) for i, n in enumerate(SHORT)
    ]
    lengths = []

    class Noted(Augment):
        def batch(self, waveforms, sample_rate, rng, n_before=0):
            lengths.append(sorted(map(len, waveforms)))
            return super().batch(waveforms, sample_rate, rng, n_before)

    augment = Noted(speed=(0.9, 1.1), edge_ms=40, noise_db=(20, 60), hum_db=(15, 60))
    dataset = ClipDataset(clips, Alphabet(), RATE, augment, seed=5, concatenate=make_concatenation(30))
    steps = list(dataset.sampler(8))[:4]
    forwards = [dataset[step].waveforms for step in steps]
    backwards = [dataset[step].waveforms for step in reversed(steps)][::-1]
    assert all((a == b).all() for a, b in zip(forwards, backwards, strict=True))
    assert min(one[0] for one in lengths) > max(SHORT)
    (prior,) = dataset.sample(1, 8)
    assert prior.n_samples.float().mean() > 1.5 * RATE, "the front end's prior is of sequences as well"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"length_s": (3, 2)}, r"concatenate\.length_s=\[3, 2\]"),
        ({"batch_s": 7}, r"concatenate\.batch_s=7: it must have room for 4 sequences of 2 s"),
        ({"batch_s": float("nan")}, r"concatenate\.batch_s=nan"),
        ({"proportion": 1.1}, r"concatenate\.proportion=1\.1"),
        ({"gap_s": (-0.1, 0)}, r"concatenate\.gap_s"),
        ({"pause_s": (0, -1)}, r"concatenate\.pause_s"),
        ({"pause_chance": -1}, r"concatenate\.pause_chance"),
        ({"level_chance": 2}, r"concatenate\.level_chance"),
        ({"level_dbfs": (-3, 3)}, r"concatenate\.level_dbfs"),
    ],
)
def test_values_out_of_range_are_named(changed, message):
    with pytest.raises(ValueError, match=message):
        make_concatenation(**{"batch_s": 60} | changed)
