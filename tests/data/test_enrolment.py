import shutil
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.audio import files
from speech.data.enrolment import HELD_BACK, Enrolment
from speech.data.source import CorpusError
from speech.text.alphabet import Alphabet

ALPHABET = Alphabet()
COUNTS = {("Anna", "ann"): 12, ("Anna", "ben"): 2, ("Bob", "ann"): 4, ("Bob", "ben"): 1}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Recordings of two names by two speakers, many of some and few of others; each file is another sound."""
    root = tmp_path_factory.mktemp("enrolment")
    rng = np.random.default_rng(0)
    for (name, speaker), count in COUNTS.items():
        (root / name).mkdir(exist_ok=True)
        for n in range(count):
            files.write(root / name / f"{speaker}_{n}.wav", rng.normal(0, 0.1, 800).astype(np.float32), 8_000)
    return root


def split(root, **how):
    """The items of each split, and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        items, refused = Enrolment(str(root), **how).items(ALPHABET)
    assert not refused
    splits = {split: [item for item in items if item.split == split] for split in ("train", HELD_BACK)}
    return splits, [str(one.message) for one in caught]


@given(seed=st.integers(0, 1000), n=st.integers(1, 14), held=st.integers(0, 3))
def test_a_recording_is_trained_on_or_held_back(root, seed, n, held):
    splits, told = split(root, seed=seed, n_recordings=n, n_held_back=held)
    sounds = {split: {files.read(item.path, 8_000).tobytes() for item in some} for split, some in splits.items()}
    assert not sounds["train"] & sounds[HELD_BACK]
    assert len(sounds["train"]) + len(sounds[HELD_BACK]) == sum(COUNTS.values()), "and none is left out"
    for (name, speaker), count in COUNTS.items():
        n_train, n_held = (sum((i.text, i.speaker) == (name, speaker) for i in some) for some in splits.values())
        assert n_train + n_held == count
        assert 1 <= n_train <= n
        assert n_held >= held or n_train == 1, "too few for both are held back first"
        short = n_train < n or n_held < held
        assert any(f"{name} by {speaker}: {n_train} for training, {n_held} held back" in one for one in told) == short


def test_the_seed_draws_the_recordings_of_training(root):
    drawn = [{item.id for item in split(root, seed=seed)[0]["train"]} for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_copy_of_a_recording_is_refused(root, tmp_path):
    shutil.copytree(root, tmp_path / "root")
    shutil.copy(tmp_path / "root/Anna/ann_0.wav", tmp_path / "root/Anna/ann_99.wav")
    items, (refused,) = Enrolment(str(tmp_path / "root"), speakers=["ann"]).items(ALPHABET)
    assert len(items) == 16
    assert "ann_99.wav: a copy of" in refused.reason


def test_the_speakers_asked_for_are_used_alone(root):
    items, _ = Enrolment(str(root), speakers=["ann"], n_recordings=3).items(ALPHABET)
    assert {item.speaker for item in items} == {"ann"}
    with pytest.raises(
        CorpusError, match=r"corpus\.speakers: no recording by cid in .*; there are recordings by ann, ben"
    ):
        Enrolment(str(root), speakers=["cid"]).items(ALPHABET)
    with pytest.raises(CorpusError, match=r"corpus\.speakers=ann: one text; give a list of speakers: \[ann\]"):
        Enrolment(str(root), speakers="ann")


@pytest.mark.parametrize("wrong", [{"n_recordings": 0}, {"n_held_back": -1}])
def test_impossible_counts_are_refused(root, wrong):
    with pytest.raises(CorpusError, match=f"corpus.{next(iter(wrong))}=.*: it must be at least"):
        Enrolment(str(root), **wrong)
