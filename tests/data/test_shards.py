"""Clips in tar shards: what is written is what is read, and an epoch of them is an epoch."""

import gc
import shutil
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import soxr
import torch
from hypothesis import given
from hypothesis import strategies as st
from lhotse import CutSet
from small_sequences import make_concatenation
from small_sources import make_synthetic

from speech.data.augment.light import Augment
from speech.data.build import build
from speech.data.datamodule import DataSettings, SpeechData, load_clips
from speech.data.recordings import Folder
from speech.data.samplers import POOL, BucketSampler
from speech.data.shard_writing import write_shards
from speech.data.shards import Shar
from speech.data.source import CorpusError
from speech.text.alphabet import Alphabet
from speech.text.phones import Inventory

RATE, ALPHABET = 16_000, Alphabet()
LIGHT = Augment(speed=(0.88, 1.14), edge_ms=40, noise_db=(20, 60), hum_db=(15, 60))
SETTINGS = DataSettings(ALPHABET, RATE, lambda n: n // 480, 4, seed=3, inventory=Inventory(), augment=LIGHT)


@pytest.fixture(scope="module")
def corpus(cache):
    return build(make_synthetic(names=["Martin", "Mark"]), ALPHABET, RATE, cache)


def write(corpus, folder, names=None, shard_size=5):
    return write_shards(corpus, names, ALPHABET, RATE, folder, shard_size, seed=0)


@pytest.fixture(scope="module")
def shards(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    write(corpus, folder)
    return folder


def same(clip, other):
    return clip._replace(samples=0) == other._replace(samples=0) and np.array_equal(clip.samples, other.samples)


def test_what_is_written_is_read_bit_by_bit(corpus, shards):
    written, read = load_clips(corpus), Shar(str(shards)).clips()
    assert list(read) == list(written)
    for split, clips in written.items():
        by_id = {clip.id: clip for clip in read[split]}
        assert len(by_id) == len(read[split]) == len(clips)
        assert all(same(by_id[clip.id], clip) for clip in clips)
        assert [clip.id for clip in read[split]] != sorted(by_id), "in random order"
    cuts = list(CutSet.from_shar(in_dir=shards / "train"))
    assert {cut.id for cut in cuts} == {clip.id for clip in written["train"]}, "and by Lhotse alone"


def test_an_epoch_of_shards_is_every_clip_once_in_each_batch_its_text(corpus, shards):
    stored, memory = (SpeechData(one, SETTINGS) for one in (Shar(str(shards)), corpus))
    assert stored.test_splits == memory.test_splits
    assert set(stored.names) == set(memory.names) == set(stored.listed) == set(memory.listed)
    known = {clip.id: clip for clip in memory.datasets["train"].clips}
    batches = list(stored.train_dataloader())
    assert len(batches) == len(list(memory.train_dataloader()))
    assert Counter(id for batch in batches for id in batch.ids) == Counter(known.keys())
    phones = dict(zip(known, memory.datasets["train"].phones, strict=True))
    for batch in batches:
        for id, text, speaker, row, n in zip(
            batch.ids, batch.texts, batch.speakers, batch.phones, batch.n_phones, strict=True
        ):
            assert (text, speaker) == (ALPHABET.fold(known[id].name), known[id].speaker)
            assert row[:n].tolist() == phones[id]


def test_an_epoch_is_entered_in_its_middle_with_the_same_batches(shards):
    data = SpeechData(Shar(str(shards)), SETTINGS)
    whole = list(data.train_dataloader())
    data.load_state_dict({"epoch": 0, "start": 2, "corpora": data.corpora})
    rest = list(data.train_dataloader())
    assert [batch.ids for batch in rest] == [batch.ids for batch in whole[2:]]
    assert all(torch.equal(a.waveforms, b.waveforms) for a, b in zip(rest, whole[2:], strict=True))


def test_what_was_interrupted_goes_on_and_what_is_whole_is_kept(corpus, shards, tmp_path):
    write(corpus, tmp_path)
    written = set(tmp_path.rglob("*.json"))
    (tmp_path / "corpus.json").unlink()
    (tmp_path / "index/train.000001.json").unlink()
    (tmp_path / ".part-killed").mkdir()
    cut_short = tmp_path / "val/recording.000000.tar"
    cut_short.write_bytes(cut_short.read_bytes()[:-512])
    with pytest.raises(CorpusError, match=r"no complete set of shards .* speech\.shard makes one"):
        Shar(str(tmp_path))
    kept = (tmp_path / "train/recording.000000.tar").stat().st_mtime_ns
    write(corpus, tmp_path)
    assert (tmp_path / "train/recording.000000.tar").stat().st_mtime_ns == kept
    read, first = Shar(str(tmp_path)).clips(), Shar(str(shards)).clips()
    assert all(same(a, b) for split in first for a, b in zip(read[split], first[split], strict=True))
    assert set(tmp_path.rglob("*.json")) == written
    assert not list(tmp_path.glob(".part-*"))


def test_a_full_disk_is_one_line_and_leaves_no_shard(corpus, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(sys, "unraisablehook", shown.append)
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, before[1]))
    try:
        with pytest.raises(OSError, match=rf"^{tmp_path}/train: could not be written \(.* MB free there\)"):
            write(corpus, tmp_path, shard_size=100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    gc.collect()
    assert shown == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / ".lock"]


def test_clips_know_the_rate_of_the_recordings_that_they_are_of(recordings, tmp_path):
    root = shutil.copytree(recordings, tmp_path / "recordings")
    for path in root.rglob("*.wav"):
        samples, rate = soundfile.read(path)
        soundfile.write(path, soxr.resample(samples, rate, 8_000), 8_000)
    corpus = build(Folder(str(root)), ALPHABET, RATE, tmp_path)
    write(corpus, tmp_path / "shards")
    splits = Shar(str(tmp_path / "shards")).clips()
    assert {clip.rate for clips in splits.values() for clip in clips} == {8_000}


def test_another_corpus_and_another_recogniser_are_refused(corpus, shards, cache):
    other = build(make_synthetic(names=["Anna"]), ALPHABET, RATE, cache)
    with pytest.raises(
        CorpusError, match=r"it contains shards of another corpus, shard_size or seed .* give another output="
    ):
        write(other, shards)
    with pytest.raises(CorpusError, match=r"16000 Hz, and the recogniser has .* at 8000 Hz: write shards for it"):
        Shar(str(shards)).check(ALPHABET.letters, 8_000)


def test_sequences_of_shards_are_refused(shards):
    """Their clips would lie in as many shards."""
    with pytest.raises(CorpusError, match=r"concatenate draws clips from all shards at once: concatenate=null"):
        SpeechData(Shar(str(shards)), replace(SETTINGS, concatenate=make_concatenation(60)))


@pytest.mark.parametrize("cut", [-512, None])
def test_a_shard_that_is_cut_short_or_gone_is_named(corpus, tmp_path, cut):
    write(corpus, tmp_path)
    tar = tmp_path / "train/recording.000001.tar"
    tar.unlink() if cut is None else tar.write_bytes(tar.read_bytes()[:cut])
    with pytest.raises(
        CorpusError, match=r"train\.000001\.json: its shard is missing or damaged .* run speech.shard again"
    ):
        SpeechData(Shar(str(tmp_path)), SETTINGS)


def test_a_damaged_sound_is_named_when_it_is_read(corpus, tmp_path):
    write(corpus, tmp_path)
    tar = tmp_path / "train/recording.000000.tar"
    tar.write_bytes(bytes(tar.stat().st_size))
    data = SpeechData(Shar(str(tmp_path)), SETTINGS)
    with pytest.raises(CorpusError, match=r"train\.000000\.json: its shard is missing or damaged \([A-Z][^<>]*\): "):
        list(data.split("train").clips)


def test_several_folders_are_mixed_by_weight(corpus, shards, cache, tmp_path):
    """Of two corpora of the same size, a quarter of an epoch is of the one."""
    other = build(make_synthetic(names=["Anna", "Bob"]), ALPHABET, RATE, cache)
    write(other, tmp_path)
    data = SpeechData(Shar([str(shards), str(tmp_path)], [3, 1]), SETTINGS)
    texts, sampler = data.split("train").texts, data.sampler()
    drawn = Counter[str]()
    for epoch in range(100):
        sampler.set_epoch(epoch)
        drawn.update(texts[i] for step in sampler for i in step.clips)
    n = sum(drawn.values())
    assert n == 100 * sum(len(load_clips(one)["train"]) for one in (corpus, other))
    assert abs((drawn["anna"] + drawn["bob"]) / n - 1 / 4) < 0.03
    assert {clip.name for clip in data.datasets["val"].clips} == {"Martin", "Mark", "Anna", "Bob"}
    for wrong in ([3, 0], [3], [3, "a"], 3, [3, None]):
        with pytest.raises(ValueError, match=r"^corpus\.weights=.*: give 2 numbers above 0, one per folder"):
            Shar([str(shards), str(tmp_path)], wrong)
    with pytest.raises(ValueError, match=r"^corpus\.folder=\[\]: give a folder of shards"):
        Shar([])


def test_a_clip_that_cannot_hold_its_text_is_refused_and_never_drawn(shards):
    some = SETTINGS.__class__(ALPHABET, RATE, lambda n: n // 1600, 4)
    data = SpeechData(Shar(str(shards)), some)
    index = data.datasets["train"].index
    short = [i for i, n in enumerate(index.lengths) if n // 1600 < len(index.spoken[index.kinds[i]].name)]
    assert 0 < len(short) < len(index.lengths)
    assert len(data.datasets["train"]) == len(index.lengths) - len(short)
    drawn = [i for step in data.sampler() for i in step.clips]
    assert sorted(drawn) == sorted(set(range(len(index.lengths))) - set(short))
    assert sum(one.clip.startswith("train") for one in data.refused) == len(short)


@given(
    sizes=st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=40), min_size=1, max_size=3),
    batch_size=st.integers(1, 3),
    start=st.integers(0, 20),
    n_processes=st.integers(1, 4),
)
def test_any_shards_are_visited_window_by_window_each_clip_once(sizes, batch_size, start, n_processes):
    n = sum(map(sum, sizes))
    lengths = np.random.default_rng(n).integers(1_000, 20_000, n)
    sampler = BucketSampler(lengths, batch_size, seed=1, shards=sizes)
    steps = list(sampler)
    assert len(steps) == len(sampler) == -(-n // batch_size)
    assert sorted(i for step in steps for i in step.clips) == list(range(n))
    ends = np.cumsum(np.concatenate(sizes))
    seen: dict[int, list[int]] = {}
    for step in steps:
        for shard in np.searchsorted(ends, step.clips, side="right").tolist():
            seen.setdefault(shard, []).append(step.number)
    n_open = [sum(min(of) <= number <= max(of) for of in seen.values()) for number in range(len(steps))]
    assert max(n_open) <= sampler.n_open
    sampler.enter(0, min(start, len(steps)))
    assert list(sampler) == steps[start:]
    shares = []
    for rank in range(n_processes):
        one = BucketSampler(lengths, batch_size, seed=1, shards=sizes)
        one.process = rank, n_processes
        shares.append(list(one))
    assert {len(share) for share in shares} == {len(steps)}, "no process waits for another"
    counted = [i for share in shares for step in share if not step.spare for i in step.clips]
    assert sorted(counted) == list(range(n))
    assert all(step.clips for share in shares for step in share)


def test_few_of_many_shards_are_open_at_once():
    sampler = BucketSampler(np.full(40_000, 9_000), 4, shards=[[100] * 400])
    assert sampler.n_open <= 3 * (2 * POOL * 4 // 100 + 2)
