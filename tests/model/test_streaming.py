"""A recogniser of streams: in any chunks what the whole gives."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speech.backprop.operation import InputError
from speech.inference.runtime import FLOAT32, INT8, Runtime
from speech.model import onnx_graph
from speech.model.encoder import Encoder
from speech.model.frontend import FrontEnd, running_sums
from speech.model.recognizer import Recognizer

PARTS = {
    "alphabet": "abcdefgh",
    "phones": True,
    "frontend": {"_target_": "speech.model.frontend.FrontEnd", "n_memory_frames": 50},
    "encoder": {"_target_": "speech.model.encoder.Encoder", "n_units": 24, "bidirectional": False},
    "decoder": {"_target_": "speech.inference.decode.Greedy"},
}


def recognizer(**encoder):
    torch.manual_seed(0)
    made = Recognizer(PARTS | {"encoder": PARTS["encoder"] | encoder}).eval()
    made.frontend.prior_mean.copy_(torch.linspace(-30, 3, 20))
    made.frontend.prior_deviation.copy_(torch.linspace(10, 2, 20))
    return made


STREAMING = recognizer()


def talk(n_samples, seed=0):
    """Noise that swells and falls, by 60 dB."""
    rng = np.random.default_rng(seed)
    loudness = np.interp(np.arange(n_samples), np.linspace(0, n_samples, 9), rng.uniform(-4, -1, 9))
    return (10**loudness * rng.standard_normal(n_samples)).astype(np.float32)


def in_chunks(stream, sound, cuts):
    parts = [stream.feed(block) for block in np.split(sound, sorted(cuts))] + [stream.finish()]
    return [np.concatenate(each) for each in zip(*(one.outputs for one in parts if one), strict=True)]


@given(st.integers(1, 30_000), st.lists(st.integers(0, 30_000), max_size=40), st.sampled_from(["gru", "rnn"]))
@settings(max_examples=40, deadline=None)
def test_any_chunks_give_the_log_probabilities_of_the_whole(n_samples, cuts, cell):
    streaming, sound = recognizer(cell=cell, kernel=3) if cell == "rnn" else STREAMING, talk(n_samples)
    whole = streaming.log_probs(sound).outputs
    for one, expected in zip(in_chunks(streaming.stream(), sound, cuts), whole, strict=True):
        assert np.array_equal(one, expected)


def test_what_comes_later_changes_nothing_of_what_was_given():
    sound = talk(32_000)
    other = np.concatenate([sound[:16_000], talk(16_000, seed=1)])
    first, second = (STREAMING.stream().feed(one[:20_000]).letters for one in (sound, other))
    until = (16_000 - 720) // 480 + 1
    assert np.array_equal(first[:until], second[:until])
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("gain", [1e-2, 10])
def test_a_streams_gain_changes_nothing(gain):
    sound = talk(32_000)
    loud, other = (STREAMING.log_probs(one).letters for one in (sound, np.float32(gain) * sound))
    assert np.abs(loud - other).max() < 1e-4


def test_silence_gives_finite_log_probabilities():
    found = in_chunks(STREAMING.stream(), np.zeros(16_000, np.float32), [5_000])
    assert all(np.isfinite(one).all() for one in found)


def test_a_clip_gives_the_same_alone_and_in_a_batch():
    clips = [torch.from_numpy(talk(n, seed=n)) for n in (200, 5_000, 16_000)]
    batch = torch.nn.utils.rnn.pad_sequence(clips, batch_first=True)
    with torch.inference_mode():
        logits, n_frames = STREAMING(batch, torch.tensor([len(clip) for clip in clips]))
    for clip, some, n in zip(clips, logits, n_frames, strict=True):
        alone = STREAMING.frames(some[:n]).letters - STREAMING.log_probs(clip.numpy()).letters
        assert np.abs(alone).max() < 1e-5


@given(st.integers(1, 100), st.floats(0.5, 0.9999), st.integers(0, 1000))
def test_running_sums_forget_as_the_recurrence_says(n_frames, keep, seed):
    rng = torch.Generator().manual_seed(seed)
    x, sums = (torch.randn(*shape, generator=rng, dtype=torch.double) for shape in ((2, n_frames, 3), (2, 3)))
    found = running_sums(x, sums, keep)
    for t in range(n_frames):
        sums = keep * sums + x[:, t]
        assert torch.allclose(found[:, t], sums, rtol=1e-9, atol=1e-9)


def test_the_first_frames_are_normalised_by_the_prior():
    front = FrontEnd(n_memory_frames=400, n_prior_frames=1e9).double()
    front.prior_mean.fill_(3)
    front.prior_deviation.fill_(2)
    waveforms, n_samples = torch.from_numpy(talk(8_000)).double()[None], torch.tensor([8_000])
    own = front._features(waveforms, n_samples)[0]
    assert torch.allclose(front(waveforms, n_samples)[0], (own - 3) / 2, atol=1e-2)


def test_after_a_long_time_the_average_is_of_the_last_frames():
    front = FrontEnd(n_memory_frames=50, n_prior_frames=100).double()
    front.prior_mean.fill_(20)  # is forgotten
    waveforms, n_samples = torch.from_numpy(talk(240_000)).double()[None], torch.tensor([240_000])
    own, found = front._features(waveforms, n_samples)[0][0], front(waveforms, n_samples)[0][0]
    weights = torch.exp(-torch.arange(len(own)).flip(0) / 50)[:, None] / torch.exp(-torch.arange(len(own)) / 50).sum()
    mean = (weights * own).sum(dim=0)
    deviation = (weights * (own - mean).square()).sum(dim=0).sqrt()
    assert torch.allclose(found[-1], (own[-1] - mean) / deviation, atol=1e-6)


@pytest.mark.parametrize(
    "change", [{"bidirectional": True}, {"cell": "lstm"}, {"kernel": 7, "stride": 3}, {"n_units": 8, "stride": 1}]
)
def test_an_encoder_that_needs_later_frames_does_not_stream(change):
    with pytest.raises(ValueError, match=r"a stream needs encoder\.bidirectional=false"):
        recognizer(**change).stream()


def test_a_front_end_that_needs_the_whole_clip_does_not_stream():
    whole = Recognizer(PARTS | {"frontend": {"_target_": "speech.model.frontend.FrontEnd"}})
    with pytest.raises(ValueError, match="n_memory_frames"):
        whole.stream()
    with pytest.raises(ValueError, match="n_memory_frames"):
        FrontEnd(n_memory_frames=400, n_deltas=1)
    assert Encoder(20, 5, bidirectional=False).n_state == 2 * 20 + 2 * 96


def test_no_clip_and_half_precision_are_refused_as_of_whole_clips():
    for wrong in (torch.zeros(0, 16_000), torch.zeros(1, 16_000, dtype=torch.float16)):
        with pytest.raises(InputError, match=r"^waveforms"):
            STREAMING(wrong, torch.full((len(wrong),), 16_000))


def test_an_encoder_of_ones_own_hears_whole_clips():
    own = recognizer()
    own.encoder = torch.nn.Linear(20, 5)
    assert not own.streams
    with pytest.raises(ValueError, match="an encoder with a step: Linear needs whole clips"):
        own.stream()


@pytest.fixture(scope="module")
def runtimes(tmp_path_factory):
    """The exported recogniser: in float32, and with weights in int8."""
    model, folder = onnx_graph.to_onnx(STREAMING, "card"), tmp_path_factory.mktemp("exported")
    for name, content in ((FLOAT32, model), (INT8, onnx_graph.quantise(model))):
        onnx_graph.save(content, folder / name)
    return [Runtime(folder / name) for name in (FLOAT32, INT8)]


@given(st.integers(1, 30_000), st.lists(st.integers(0, 30_000), max_size=40))
@settings(max_examples=20, deadline=None)
def test_the_exported_file_gives_in_any_chunks_what_torch_gives(runtimes, n_samples, cuts):
    sound = talk(n_samples)
    ours = STREAMING.log_probs(sound).outputs
    for runtime in runtimes:
        whole = runtime.log_probs(sound).outputs
        for one, other in zip(in_chunks(runtime.stream(), sound, cuts), whole, strict=True):
            assert np.array_equal(one, other)
    for one, other in zip(runtimes[0].log_probs(sound).outputs, ours, strict=True):
        assert one.shape == other.shape
        assert np.abs(one - other).max() < 1e-5


def test_a_minute_in_any_blocks_is_the_same_to_the_bit():
    """Of the finder that ships, whose rounding errors a recurrent network carries on."""
    finder, sound = Runtime.load().finder, talk(960_000)
    cuts = np.random.default_rng(0).integers(0, len(sound), 500)
    for one, expected in zip(in_chunks(finder.stream(), sound, cuts), finder.log_probs(sound).outputs, strict=True):
        assert np.array_equal(one, expected)


def test_two_streams_of_one_recogniser_know_nothing_of_each_other(runtimes):
    sound, noise = talk(20_000), talk(20_000, seed=1)
    for one in (STREAMING, *runtimes):
        first, second = one.stream(), one.stream()
        second.feed(noise)
        given = []
        for block in np.split(sound, 5):
            given.append(first.feed(block))
            second.feed(noise)
        found, expected = np.concatenate([some.letters for some in given if some]), one.log_probs(sound).letters
        assert len(found) == 40
        assert np.array_equal(found, expected[:40])


def test_a_file_of_whole_clips_says_that_it_hears_no_stream():
    with pytest.raises(ValueError, match=r"recognizer\.int8\.onnx: this recogniser needs whole clips"):
        Runtime.load().stream()
