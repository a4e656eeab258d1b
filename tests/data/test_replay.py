import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_sources import make_synthetic

from speech.data.build import build
from speech.data.datamodule import DataSettings, load_clips
from speech.data.dataset import Clip
from speech.data.recordings import Folder
from speech.data.replay import SOURCE_DOMAIN, Replay, ReplayedData
from speech.data.samplers import MixedSampler
from speech.text.alphabet import Alphabet
from speech.text.phones import Inventory
from speech.text.pronunciation import phonemize

ALPHABET, RATE = Alphabet(), 16_000
REPLAY = {"fraction": 0.5, "n_steps": 3, "n_train": 2000, "n_val": 200, "n_test": 1000}


@given(
    n_own=st.integers(1, 40),
    n_replayed=st.integers(1, 200),
    batch_size=st.integers(2, 64),
    fraction=st.floats(0.01, 0.99),
    n_steps=st.integers(1, 20),
    seed=st.integers(0, 100),
)
def test_each_batch_has_the_fraction_of_replayed_clips(n_own, n_replayed, batch_size, fraction, n_steps, seed):
    steps = list(MixedSampler(n_own, n_replayed, batch_size, fraction, n_steps, seed))
    assert len(steps) == n_steps
    for step in steps:
        n_old = sum(i >= n_own for i in step.clips)
        assert len(step.clips) == batch_size
        assert abs(n_old - fraction * batch_size) <= 0.5 or n_old in (1, batch_size - 1)
        assert 1 <= n_old < batch_size
        assert all(0 <= i < n_own + n_replayed for i in step.clips)
    own = np.bincount([i for step in steps for i in step.clips if i < n_own], minlength=n_own)
    assert own.max() - own.min() <= 1, "no recording is drawn more often than another"


@pytest.fixture(scope="module")
def earlier(cache):
    return build(make_synthetic(names=["Martin", "Mark"]), ALPHABET, RATE, cache)


@pytest.fixture
def make_data(earlier, cache, recordings):
    def make(**changed):
        corpus = build(Folder(str(recordings), val_speakers=0), ALPHABET, RATE, cache)
        settings = DataSettings(ALPHABET, RATE, lambda n_samples: n_samples // 480, 8, inventory=Inventory())
        return ReplayedData(corpus, settings, Replay(**REPLAY | changed), [earlier])

    return make


def test_earlier_clips_are_trained_on_and_earlier_tests_evaluated(make_data, earlier):
    data = make_data(fraction=0.25, n_steps=7)
    old = load_clips(earlier)
    batches = list(data.train_dataloader())
    assert len(batches) == 7
    for batch in batches:
        assert sum(text in ("martin", "mark") for text in batch.texts) == 2
        assert sum(text in ("one", "two") for text in batch.texts) == 6
    trained = {id.removeprefix("earlier0-") for batch in batches for id in batch.ids}
    evaluated = {clip.id.removeprefix("earlier0-") for clip in data.datasets[SOURCE_DOMAIN].clips}
    assert evaluated == {clip.id for split in ("unseen_speakers", "unseen_accent") for clip in old[split]}
    assert not trained & evaluated
    assert trained >= {clip.id for clip in old["train"]}
    assert data.test_splits == ["test", SOURCE_DOMAIN]
    assert set(data.names) == {"one", "two"}, "a replayed text is not to choose from"


def test_replayed_clips_have_phones(make_data):
    dataset = make_data().datasets["train"]
    assert {clip.id.startswith("earlier") for clip in dataset.clips} == {True, False}
    for clip, phones in zip(dataset.clips, dataset.phones, strict=True):
        assert Inventory().decode(phones) == phonemize(clip.say or clip.name, clip.accent)


def test_the_replayed_clips_have_the_number_asked_for_and_are_repeatable(make_data):
    first, second = (make_data(n_train=5, n_val=1, n_test=4) for _ in range(2))
    for split, n_old in (("train", 5), ("val", 1), (SOURCE_DOMAIN, 4)):
        ids = [clip.id for clip in first.datasets[split].clips]
        assert sum(id.startswith("earlier") for id in ids) == n_old
        assert ids == [clip.id for clip in second.datasets[split].clips]


def test_clips_are_replayed_by_their_weight(monkeypatch):
    """A fifth of 200 clips has six times the weight of the others: 60 % of all weight."""

    class Cut:
        def __init__(self, id, weight):
            self.id, self.custom = id, {"split": "train", "weight": weight}

    cuts = [Cut(i, 6.0 if i < 40 else 1.0) for i in range(200)]
    monkeypatch.setattr("speech.data.replay.read_cuts", lambda corpus: cuts)
    monkeypatch.setattr(
        "speech.data.replay.load_cuts", lambda some: [Clip(str(cut.id), "Anna", "", "", None) for cut in some]
    )
    replay = Replay(**REPLAY | {"n_train": 10})
    drawn = [clip for seed in range(100) for clip in replay.draw(["earlier"], seed)["train"]]
    assert len(drawn) == 1000
    assert 0.5 < sum(int(clip.id.rpartition("-")[2]) < 40 for clip in drawn) / len(drawn) < 0.65


def test_without_validation_clips_the_recordings_are_validated_on(make_data):
    data = make_data()
    own = {clip.id for clip in data.datasets["train"].clips[: data.n_own]}
    assert own <= {clip.id for clip in data.datasets["val"].clips}
    assert data.datasets["val"].augment is None


def test_without_earlier_tests_the_own_ones_alone_are_evaluated(make_data):
    data = make_data(n_test=0, n_val=0)
    assert data.test_splits == ["test"]
    assert not [clip for clip in data.test_clips if clip.id.startswith("earlier")]


@pytest.mark.parametrize(
    "wrong", [{"fraction": 0.0}, {"fraction": 1.0}, {"n_steps": 0}, {"n_train": 0}, {"n_test": -1}]
)
def test_an_impossible_replay_is_refused(wrong):
    with pytest.raises(ValueError, match=f"replay.{next(iter(wrong))}="):
        Replay(**REPLAY | wrong)
