from functools import cache

import numpy as np
import pytest
import torch
from rooms import augmented, make_room

from speech.config.compose import compose
from speech.config.objects import instantiate
from speech.data.augment.noise import Babble, Noise
from speech.data.augment.reverb import Reverb
from speech.data.augment.strength import drawn, happens, strength_at
from speech.data.dataset import Clip, ClipDataset
from speech.data.samplers import Step
from speech.text.alphabet import Alphabet
from speech.training.loss import loss_of

RATE = 16_000


@cache
def room(*changes):
    """``augment=room``, in full strength."""
    return instantiate(compose("train", ["augment=room", "augment.ramp=0", *changes]).augment)


def speech_like(*lengths):
    """Noise in bursts."""
    rng = np.random.default_rng(0)
    return [(rng.normal(size=n) * 0.1 * (np.arange(n) // 800 % 3 > 0)).astype(np.float32) for n in lengths]


def equal(first, second):
    return [np.array_equal(a, b) for a, b in zip(first, second, strict=True)]


def test_the_same_seed_gives_the_same_sound_and_another_another():
    clips = speech_like(9_000, 12_000, 10_000)
    first, again, other = (augmented(room(), clips, seed) for seed in (0, 0, 1))
    assert all(equal(first, again))
    assert not any(equal(first, other))
    assert all(equal(clips, speech_like(9_000, 12_000, 10_000))), "the clips given are unchanged"


def test_at_strength_0_a_clip_is_unchanged():
    clips = speech_like(9_000, 12_000)
    assert all(equal(clips, augmented(room("augment.ramp=100"), clips)))
    assert room("augment.ramp=100").batch(clips, RATE, np.random.default_rng(0), 0)[1] is None


def test_strength_rises_over_the_ramp_and_stays():
    assert [strength_at(n, 4) for n in range(6)] == [0, 0.25, 0.5, 0.75, 1, 1]
    assert strength_at(0, 0) == 1


def test_strength_scales_the_chance_and_narrows_the_range():
    rng = np.random.default_rng(0)
    assert len(happens(rng, 10_000, 0.5, 0.4)) == pytest.approx(2_000, rel=0.1)
    values = drawn(rng, 10_000, (0.8, 1.2), 1.0, 0.5)
    assert (values.min(), values.max()) == pytest.approx((0.9, 1.1), abs=0.001)


def test_clips_change_more_as_training_goes_on():
    clips = speech_like(*[12_000] * 64)
    augment = make_room(ramp=100, noise=Noise(1.0, (0.0, 40.0)))
    change = [
        np.mean([np.abs(a - b).mean() for a, b in zip(clips, augmented(augment, clips, n_before=n), strict=True)])
        for n in (0, 10, 30, 60, 100)
    ]
    assert change == sorted(change)
    assert change[0] == 0 < change[1] < change[4] / 10


@pytest.mark.parametrize("seed", range(8))
def test_a_clip_does_not_depend_on_the_lengths_of_the_others(seed):
    """But for babble, which is made of the others."""
    clips, longer = speech_like(9_000, 12_000, 10_000), speech_like(9_000, 16_000, 14_000)
    one, other = (augmented(room("augment.noises.babble=null"), batch, seed)[0] for batch in (clips, longer))
    # Rounding differs with the transform's length: a sample between two of the converter's steps differs by one, and
    # one between two of mu-law's by more.
    assert one.shape == other.shape
    assert np.mean(np.abs(one - other) > 1.1 / 32768) < 0.001


@pytest.mark.parametrize(("speed", "edge_ms"), [(1.25, 0), (0.8, 50), (1.0, -30), (1.0, 100)])
def test_speed_and_edges_give_the_length(speed, edge_ms):
    (one,) = augmented(make_room(speed=(speed, speed), edge_ms=(edge_ms, edge_ms)), speech_like(10_000))
    assert len(one) == pytest.approx(10_000 / speed + 2 * edge_ms * 16, abs=2)


def test_edges_cut_or_surround_the_clip_and_cut_a_fifth_at_most():
    (clip,) = speech_like(10_000)
    for edge_ms, expected in [(-25, clip[400:-400]), (25, np.pad(clip, 400)), (-500, clip[2_000:-2_000])]:
        (changed,) = augmented(make_room(edge_ms=(edge_ms, edge_ms)), [clip])
        assert np.array_equal(changed, expected)


def test_end_points_are_jittered_in_some_batches_for_all_of_their_clips():
    clips = speech_like(*[10_000] * 16)
    augment = make_room(jitter=(0.25, (200, 500)))
    lengths = [[len(one) for one in augmented(augment, clips, seed)] for seed in range(200)]
    jittered = [some for some in lengths if set(some) != {10_000}]
    assert len(jittered) / 200 == pytest.approx(0.25, abs=0.1)
    assert all(min(some) >= 10_000 + 2 * 3_200 and len(set(some)) > 10 for some in jittered)


def test_jitter_before_and_after_a_name_is_filled_with_talk():
    clips = speech_like(*[10_000] * 16)
    for one in augmented(make_room(jitter=(1.0, (300, 300)), babble=Babble(1.0, (10, 10))), clips):
        before, name = one[:4_800], one[4_800:-4_800]
        assert 0.003 < np.mean(before**2) / np.mean(name**2) < 0.3


def test_speed_changes_length_and_pitch_together():
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
    (faster,) = augmented(make_room(speed=(1.25, 1.25)), [tone])
    assert np.abs(np.fft.rfft(faster)).argmax() * RATE / len(faster) == pytest.approx(550, abs=2)


def test_silence_before_and_after_the_name_has_the_rooms_noise_and_echo():
    (clip,) = speech_like(10_000)
    (noisy,) = augmented(make_room(edge_ms=(100, 100), noise=Noise(1.0, (10, 10))), [clip])
    expected = 10 ** (-10 / 20) * np.sqrt(np.sum(clip**2) / len(noisy))
    for part in (noisy[:1_600], noisy[-1_600:]):
        assert np.sqrt(np.mean(part**2)) == pytest.approx(expected, rel=0.5)
    (echoing,) = augmented(make_room(edge_ms=(100, 100), reverb=Reverb(1.0, (0.5, 0.5), (0, 0))), [clip])
    assert np.abs(echoing[:1_600]).max() < 1e-6 * np.abs(clip).max(), "nothing before the speech"
    assert np.sqrt(np.mean(echoing[-1_600:] ** 2)) > 0.01 * np.sqrt(np.mean(clip**2)), "an echo after it"


@pytest.mark.parametrize("seed", range(4))
def test_any_clip_stays_finite_and_within_full_scale(seed):
    clips = [np.zeros(9_000, np.float32), np.ones(400, np.float32), *speech_like(2, 500, 30_000)]
    for batch in (clips, clips[:1], clips[1:2]):
        for one in augmented(room(), batch, seed):
            assert np.isfinite(one).all()
            assert np.abs(one).max() <= 1.2, "a telephone's filter may overshoot"


@pytest.mark.parametrize(("speed", "n_infeasible"), [(1.0, 0), (1.18, 1)])
def test_a_name_with_too_few_frames_is_counted_and_the_loss_finite(make_recognizer, speed, n_infeasible):
    recognizer = make_recognizer()
    step = recognizer.frontend.hop_length * recognizer.encoder.stride
    fits = recognizer.frontend.window_length + 5 * step  # six frames for six letters
    clips = [Clip(str(n), "Martin", "s", "en", np.full(n * fits, 50, np.int16)) for n in (1, 2)]
    dataset = ClipDataset(clips, Alphabet(), RATE, make_room(speed=(speed, speed)))
    losses = loss_of(recognizer, dataset[Step(0, 0, [0, 1])])
    assert losses.n_infeasible == n_infeasible
    assert torch.isfinite(losses.loss)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("augment.placement.speed=[1.2,0.8]", r"augment.placement.speed=\[1.2, 0.8\] must be two increasing numbers"),
        ("augment.ramp=-1", "augment.ramp=-1 must be 0 batches or more"),
        ("augment.noises.noise.snr_db=[40,5]", r"augment.noises.noise.snr_db=\[40, 5\]"),
        ("augment.reverb.rt60_s=[0,0.5]", r"augment.reverb.rt60_s=\[0, 0.5\] .* from 0.02 on"),
        ("augment.spec.band=1.5", "augment.spec.band=1.5 must be between 0 and 1"),
    ],
)
def test_a_wrong_setting_is_named(change, message):
    with pytest.raises(Exception, match="(?s)" + message):
        room(change)
