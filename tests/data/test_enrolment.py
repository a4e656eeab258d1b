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
    """Recordings of two names by two speakers, of some many and of some few; each file is another sound."""
    root = tmp_path_factory.mktemp("enrolment")
    rng = np.random.default_rng(0)
    for (name, speaker), count in COUNTS.items():
        (root / name).mkdir(exist_ok=True)
        for n in range(count):
            files.write(root / name / f"{speaker}_{n}.wav", rng.normal(0, 0.1, 800).astype(np.float32), 8_000)
    return root


def split_of(root, **how):
    """The paths of each split, and the warnings."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        items, refused = Enrolment(str(root), **how).items(ALPHABET)
    assert not refused
    return {split: [i for i in items if i.split == split] for split in ("train", HELD_BACK)}, [
        str(one.message) for one in told
    ]


@given(seed=st.integers(0, 1000), n=st.integers(1, 14), held=st.integers(0, 3))
def test_what_is_held_back_is_never_learnt_from(root, seed, n, held):
    splits, told = split_of(root, seed=seed, n_recordings=n, n_held_back=held)
    sounds = {split: {files.read(item.path, 8_000).tobytes() for item in some} for split, some in splits.items()}
    assert not sounds["train"] & sounds[HELD_BACK]
    assert len(sounds["train"]) + len(sounds[HELD_BACK]) == sum(COUNTS.values()), "and none is left out"
    for (name, speaker), count in COUNTS.items():
        learnt, back = (sum((item.text, item.speaker) == (name, speaker) for item in some) for some in splits.values())
        assert learnt + back == count
        assert 1 <= learnt <= n
        assert back >= held or learnt == 1, "what is too little for both goes to the test first"
        short = learnt < n or back < held
        assert any(f"{name} by {speaker}: {learnt} learnt from, {back} held back" in one for one in told) == short


def test_the_seed_draws_which_recordings_are_learnt_from(root):
    drawn = [{item.id for item in split_of(root, seed=seed)[0]["train"]} for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_copy_of_a_recording_cannot_be_on_both_sides(root, tmp_path):
    shutil.copytree(root, tmp_path / "root")
    shutil.copy(tmp_path / "root/Anna/ann_0.wav", tmp_path / "root/Anna/ann_99.wav")
    items, refused = Enrolment(str(tmp_path / "root"), speakers=["ann"]).items(ALPHABET)
    assert len(items) == 16
    assert "ann_99.wav: the same recording as" in refused[0].reason


def test_only_the_speakers_that_are_asked_for_are_taken(root):
    items, _ = Enrolment(str(root), speakers=["ann"], n_recordings=3).items(ALPHABET)
    assert {item.speaker for item in items} == {"ann"}
    with pytest.raises(CorpusError, match=r"corpus\.speakers: cid said nothing in .*; there are ann, ben"):
        Enrolment(str(root), speakers=["cid"]).items(ALPHABET)


@pytest.mark.parametrize("wrong", [{"n_recordings": 0}, {"n_held_back": -1}])
def test_counts_that_cannot_be_meant_are_refused(root, wrong):
    with pytest.raises(CorpusError, match=f"corpus.{next(iter(wrong))}=.*: it must be at least"):
        Enrolment(str(root), **wrong)
