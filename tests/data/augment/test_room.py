import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from speech.config import tree
from speech.data.augment.noise import Babble, Noise
from speech.data.augment.reverb import Reverb
from speech.data.augment.room import Room
from speech.data.augment.strength import drawn, happens, strength_at
from speech.data.dataset import Clip, ClipDataset
from speech.data.samplers import Step
from speech.text.alphabet import Alphabet
from speech.training.loss import loss_of

RATE = 16_000
NOTHING = {"ramp": 0, "speed": None, "edge_ms": None, "gain_db": None}


def room(**changes):
    """As ``augment=room`` has it, at full strength."""
    return instantiate(OmegaConf.merge(OmegaConf.load(tree.CONF / "augment" / "room.yaml"), {"ramp": 0}, changes))


def speech_like(*lengths):
    """Noise in bursts."""
    rng = np.random.default_rng(0)
    return [(rng.normal(size=n) * 0.1 * (np.arange(n) // 800 % 3 > 0)).astype(np.float32) for n in lengths]


def heard(augment, clips, seed=0, n_before=0):
    return augment.batch(clips, RATE, np.random.default_rng(seed), n_before)[0]


def test_the_same_chance_gives_the_same_sound_and_another_another():
    clips = speech_like(9_000, 12_000, 10_000)
    first, again, other = heard(room(), clips), heard(room(), clips), heard(room(), clips, seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_clips_given_are_left_as_they_are():
    clips = speech_like(9_000, 12_000)
    heard(room(), clips)
    assert all(np.array_equal(a, b) for a, b in zip(clips, speech_like(9_000, 12_000), strict=True))


def test_at_strength_0_a_clip_stays_as_it_is():
    clips = speech_like(9_000, 12_000)
    assert all(np.array_equal(a, b) for a, b in zip(clips, heard(room(ramp=100), clips), strict=True))
    assert room(ramp=100).batch(clips, RATE, np.random.default_rng(0), 0)[1] is None


def test_strength_rises_over_the_ramp_and_stays():
    assert [strength_at(n, 4) for n in range(6)] == [0, 0.25, 0.5, 0.75, 1, 1]
    assert strength_at(0, 0) == 1


def test_strength_scales_the_chance_and_draws_the_range_in():
    rng = np.random.default_rng(0)
    assert len(happens(rng, 10_000, 0.5, 0.4)) == pytest.approx(2_000, rel=0.1)
    values = drawn(rng, 10_000, (0.8, 1.2), 1.0, 0.5)
    assert (values.min(), values.max()) == pytest.approx((0.9, 1.1), abs=0.001)


def test_more_is_done_to_a_clip_as_training_goes_on():
    clips = speech_like(*[12_000] * 64)
    augment = Room(**NOTHING | {"ramp": 100}, noise=Noise(1.0, (0.0, 40.0)))
    moved = [
        np.mean([np.abs(a - b).mean() for a, b in zip(clips, heard(augment, clips, n_before=n), strict=True)])
        for n in (0, 10, 30, 60, 100)
    ]
    assert moved == sorted(moved)
    assert moved[0] == 0 < moved[1] < moved[4] / 10


@pytest.mark.parametrize("seed", range(8))
def test_how_long_the_others_are_does_not_show(seed):
    """Babble is left out: it is the others."""
    clips, longer = speech_like(9_000, 12_000, 10_000), speech_like(9_000, 16_000, 14_000)
    ours, theirs = (heard(room(babble=None), batch, seed)[0] for batch in (clips, longer))
    # Roundings differ with the transform's length; a sample on the edge of two of the converter's steps differs by one,
    # and one on the edge of two of mu-law's by more.
    assert ours.shape == theirs.shape
    assert np.mean(np.abs(ours - theirs) > 1.1 / 32768) < 0.001


def test_speed_and_edges_give_the_lengths():
    (clip,) = speech_like(10_000)
    for speed, edge_ms in [(1.25, 0), (0.8, 50), (1.0, -30), (1.0, 100)]:
        (one,) = heard(Room(**NOTHING | {"speed": (speed, speed), "edge_ms": (edge_ms, edge_ms)}), [clip])
        assert len(one) == pytest.approx(10_000 / speed + 2 * edge_ms * 16, abs=2)


def test_edges_cut_or_surround_the_clip_itself():
    (clip,) = speech_like(10_000)
    (cut,) = heard(Room(**NOTHING | {"edge_ms": (-25, -25)}), [clip])
    assert np.array_equal(cut, clip[400:-400])
    (wide,) = heard(Room(**NOTHING | {"edge_ms": (25, 25)}), [clip])
    assert np.array_equal(wide, np.pad(clip, 400))


def test_in_some_batches_and_there_for_every_clip_the_ends_are_loose():
    clips = speech_like(*[10_000] * 16)
    augment = Room(**NOTHING, endpoint_jitter_chance=0.25, endpoint_jitter_ms=(200, 500))
    tight = [len({len(one) for one in heard(augment, clips, seed)} & {10_000}) for seed in range(200)]
    assert np.mean(tight) == pytest.approx(0.75, abs=0.1)
    for seed in (tight.index(0), tight.index(1)):
        lengths = {len(one) for one in heard(augment, clips, seed)}
        assert lengths == {10_000} if tight[seed] else min(lengths) >= 10_000 + 2 * 3_200 and len(lengths) > 10


def test_what_lies_before_and_after_a_loose_name_is_other_peoples_talk():
    clips = speech_like(*[10_000] * 16)
    talk = Babble(1.0, (10, 10))
    for one in heard(Room(**NOTHING, endpoint_jitter_chance=1.0, endpoint_jitter_ms=(300, 300), babble=talk), clips):
        before, name = one[:4_800], one[4_800:-4_800]
        assert 0.003 < np.mean(before**2) / np.mean(name**2) < 0.3


def test_a_short_clip_is_not_cut_away():
    (clip,) = speech_like(600)
    (cut,) = heard(Room(**NOTHING | {"edge_ms": (-500, -500)}), [clip])
    assert len(cut) == 360


def test_speed_changes_length_and_pitch_together():
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
    (faster,) = heard(Room(**NOTHING | {"speed": (1.25, 1.25)}), [tone])
    assert np.abs(np.fft.rfft(faster)).argmax() * RATE / len(faster) == pytest.approx(550, abs=2)


def test_silence_before_and_after_the_name_is_the_rooms():
    (clip,) = speech_like(10_000)
    around = NOTHING | {"edge_ms": (100, 100)}
    (noisy,) = heard(Room(**around, noise=Noise(1.0, (10, 10))), [clip])
    levels = [np.sqrt(np.mean(noisy[part] ** 2)) for part in (slice(0, 1_600), slice(-1_600, None))]
    assert all(
        level == pytest.approx(10 ** (-10 / 20) * np.sqrt(np.sum(clip**2) / len(noisy)), rel=0.5) for level in levels
    )
    (ringing,) = heard(Room(**around, reverb=Reverb(1.0, (0.5, 0.5), (0, 0))), [clip])
    assert np.abs(ringing[:1_600]).max() < 1e-6 * np.abs(clip).max(), "nothing before the speech"
    assert np.sqrt(np.mean(ringing[-1_600:] ** 2)) > 0.01 * np.sqrt(np.mean(clip**2)), "an echo after it"


@pytest.mark.parametrize("seed", range(4))
def test_whatever_comes_is_finite_and_within_full_scale(seed):
    clips = [np.zeros(9_000, np.float32), np.ones(400, np.float32), *speech_like(2, 500, 30_000)]
    for batch in (clips, clips[:1], clips[1:2]):
        for one in heard(room(), batch, seed):
            assert np.isfinite(one).all()
            assert np.abs(one).max() <= 1.2, "a telephone's filter may swing over"


def test_a_name_that_haste_leaves_no_frames_for_is_counted_and_the_loss_is_finite(make_recognizer):
    recognizer = make_recognizer()
    step = recognizer.frontend.hop_length * recognizer.encoder.stride
    fits = recognizer.frontend.window_length + 5 * step  # six frames for six letters
    clips = [Clip("tight", "Martin", "s", "en", np.full(fits, 50, np.int16))]
    clips.append(Clip("roomy", "Martin", "s", "en", np.full(2 * fits, 50, np.int16)))
    for speed, expected in [(1.0, 0), (1.18, 1)]:
        dataset = ClipDataset(clips, Alphabet(), RATE, Room(**NOTHING | {"speed": (speed, speed)}))
        losses = loss_of(recognizer, dataset[Step(0, 0, [0, 1])])
        assert losses.n_infeasible == expected
        assert torch.isfinite(losses.loss)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"speed": [1.2, 0.8]}, r"augment.speed=\[1.2, 0.8\] must be two numbers that rise"),
        ({"ramp": -1}, "augment.ramp=-1 must not be under 0"),
        ({"noise": {"snr_db": [40, 5]}}, r"augment.noise.snr_db=\[40, 5\]"),
        ({"reverb": {"rt60_s": [0, 0.5]}}, r"augment.reverb.rt60_s=\[0, 0.5\] .* not lie under 0.02"),
        ({"babble": {"chance": 2}}, "augment.babble.chance=2 must be a probability"),
    ],
)
def test_a_wrong_setting_is_named(changes, message):
    with pytest.raises(Exception, match="(?s)" + message):
        room(**changes)
