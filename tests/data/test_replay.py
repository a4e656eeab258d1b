import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.data.augment import Augment
from speech.data.build import build
from speech.data.datamodule import load_clips
from speech.data.dataset import Clip
from speech.data.recordings import Folder
from speech.data.replay import ELSEWHERE, Replay, ReplayedData
from speech.data.samplers import MixedSampler
from speech.data.synthetic import Synthetic
from speech.text.alphabet import Alphabet
from speech.text.phones import Inventory
from speech.text.pronunciation import phonemize
from speech.tts.espeak import Espeak

ALPHABET, RATE = Alphabet(), 16_000


@given(
    n_own=st.integers(1, 40),
    n_replayed=st.integers(1, 200),
    batch_size=st.integers(2, 64),
    share=st.floats(0.01, 0.99),
    n_steps=st.integers(1, 20),
    seed=st.integers(0, 100),
)
def test_each_batch_has_the_share_of_replayed_clips_that_was_asked_for(
    n_own, n_replayed, batch_size, share, n_steps, seed
):
    steps = list(MixedSampler(n_own, n_replayed, batch_size, share, n_steps, seed))
    assert len(steps) == n_steps
    for step in steps:
        n_old = sum(i >= n_own for i in step.clips)
        assert len(step.clips) == batch_size
        assert abs(n_old - share * batch_size) <= 0.5 or n_old in (1, batch_size - 1)
        assert 1 <= n_old < batch_size
        assert all(0 <= i < n_own + n_replayed for i in step.clips)
    own = np.bincount([i for step in steps for i in step.clips if i < n_own], minlength=n_own)
    assert own.max() - own.min() <= 1, "no recording is heard more often than another"


def test_an_epoch_of_mixed_batches_can_be_entered_in_its_middle_and_differs_from_the_next():
    sampler = MixedSampler(10, 50, 8, 0.5, 12, seed=1)
    whole = list(sampler)
    sampler.enter(epoch=0, start=5)
    assert list(sampler) == whole[5:]
    sampler.set_epoch(1)
    following = list(sampler)
    assert len(following) == len(whole)
    assert [step.clips for step in following] != [step.clips for step in whole]


def test_each_batch_knows_how_many_came_before_so_that_augmentation_grows():
    sampler = MixedSampler(10, 50, 8, 0.5, 12)
    assert [step.n_before for step in sampler] == list(range(12))
    sampler.set_epoch(2)
    assert [step.n_before for step in sampler] == list(range(24, 36))


@pytest.fixture(scope="module")
def earlier(cache):
    names = Synthetic(["Martin", "Mark"], Espeak(), test_accent="en-GB-x-lancs", n_train=6, n_val=2, n_test=3)
    return build(names, ALPHABET, RATE, cache)


@pytest.fixture
def make_data(earlier, cache, recordings):
    def make(batch_size=8, **how):
        corpus = build(Folder(str(recordings), val_speakers=0), ALPHABET, RATE, cache)
        arguments = (corpus, ALPHABET, RATE, lambda n_samples: n_samples // 480, batch_size, Augment(), 0)
        return ReplayedData(*arguments, None, Inventory(), Replay(**how), [earlier])

    return make


def test_replayed_clips_are_learnt_from_and_earlier_test_clips_are_judged(make_data, earlier):
    data = make_data(share=0.25, n_steps=7)
    old = load_clips(earlier)
    batches = list(data.train_dataloader())
    assert len(batches) == 7
    for batch in batches:
        assert sum(text in ("martin", "mark") for text in batch.texts) == 2
        assert sum(text in ("one", "two") for text in batch.texts) == 6
    learnt = {id.removeprefix("earlier0-") for batch in batches for id in batch.ids}
    judged = {clip.id.removeprefix("earlier0-") for clip in data.datasets[ELSEWHERE].clips}
    tested = {clip.id for split, clips in old.items() if split.startswith("test") for clip in clips}
    assert judged == tested
    assert not learnt & tested
    assert learnt >= {clip.id for clip in old["train"]}


def test_what_is_replayed_has_its_phones_too(make_data):
    dataset = make_data(n_steps=3).datasets["train"]
    assert {clip.id.startswith("earlier") for clip in dataset.clips} == {True, False}
    for clip, phones in zip(dataset.clips, dataset.phones, strict=True):
        assert Inventory().decode(phones) == phonemize(clip.say or clip.name, clip.accent)


def test_the_sample_is_as_large_as_asked_and_the_same_each_time(make_data):
    few = {"n_train": 5, "n_val": 1, "n_test": 4}
    first, second = (make_data(**few) for _ in range(2))
    for split, n_old in (("train", 5), ("val", 1), (ELSEWHERE, 4)):
        ids = [clip.id for clip in first.datasets[split].clips]
        assert sum(id.startswith("earlier") for id in ids) == n_old
        assert ids == [clip.id for clip in second.datasets[split].clips]


def test_what_training_heard_more_often_is_replayed_more_often(monkeypatch):
    """Of 200 clips a fifth were heard six times as often as the others: 60 % of what was heard is theirs."""

    class Cut:
        def __init__(self, id, weight):
            self.id, self.custom = id, {"split": "train", "weight": weight}

    cuts = [Cut(i, 6.0 if i < 40 else 1.0) for i in range(200)]
    monkeypatch.setattr("speech.data.replay.read_cuts", lambda corpus: cuts)
    monkeypatch.setattr(
        "speech.data.replay.load_cuts", lambda some: [Clip(str(cut.id), "Anna", "", "", None) for cut in some]
    )
    drawn = [clip for seed in range(100) for clip in Replay(n_train=10).draw(["earlier"], seed)["train"]]
    assert len(drawn) == 1000
    often = sum(int(clip.id.rpartition("-")[2]) < 40 for clip in drawn) / len(drawn)
    assert 0.5 < often < 0.65


def test_where_nothing_is_left_to_validate_on_the_recordings_stand_in_as_they_are(make_data):
    data = make_data()
    own = {clip.id: clip for clip in data.datasets["train"].clips[: data.n_own]}
    validated = {clip.id: clip for clip in data.datasets["val"].clips}
    assert own.keys() <= validated.keys()
    assert data.datasets["val"].augment is None


@pytest.mark.parametrize("wrong", [{"fraction": 0.0}, {"fraction": 1.0}, {"n_steps": 0}])
def test_a_replay_that_cannot_be_meant_is_refused(wrong):
    with pytest.raises(ValueError, match=f"replay.{next(iter(wrong))}="):
        Replay(**wrong)
