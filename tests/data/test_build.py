import errno
import json
import multiprocessing

import numpy as np
import pytest
from lhotse import CutSet

from speech.audio import files
from speech.data import build as building
from speech.data.build import build
from speech.data.datamodule import SpeechData, load_clips, load_cuts
from speech.data.recordings import Folder
from speech.data.source import CorpusError
from speech.data.synthetic import Synthetic
from speech.text.alphabet import Alphabet
from speech.tts.espeak import Espeak
from speech.tts.voice import Voice

ALPHABET, RATE = Alphabet(), 16_000


def synthetic(names=("Martin", "Mark"), **changed):
    few = {"test_accent": "en-GB-x-lancs", "n_train": 6, "n_val": 2, "n_test": 2} | changed
    return Synthetic(list(names), Espeak(), **few)


def shards(folder):
    return sorted(path.name for path in (folder / "shards").glob("*.jsonl"))


def test_a_corpus_is_a_lhotse_cutset_built_once(tmp_path):
    corpus = build(synthetic(), ALPHABET, RATE, tmp_path)
    cuts = list(CutSet.from_file(corpus.cuts_path))
    assert len(cuts) == 2 * (6 + 2 + 2 + 2)
    assert {cut.supervisions[0].text for cut in cuts} == {"martin", "mark"}
    samples = cuts[0].load_audio()
    assert samples.shape == (1, cuts[0].num_samples)
    before = corpus.cuts_path.stat().st_mtime_ns
    assert build(synthetic(), ALPHABET, RATE, tmp_path).cuts_path.stat().st_mtime_ns == before


def test_what_was_read_aloud_is_kept_beside_the_name_and_an_older_corpus_has_none(tmp_path):
    corpus = build(synthetic(({"text": "Niamh", "say": "neev"}, "Mark")), ALPHABET, RATE, tmp_path)
    cuts = list(CutSet.from_file(corpus.cuts_path))
    assert {(clip.name, clip.say) for clip in load_cuts(cuts)} == {("Niamh", "neev"), ("Mark", "Mark")}
    for cut in cuts:
        del cut.custom["say"]
    assert {(clip.name, clip.say) for clip in load_cuts(cuts)} == {("Niamh", ""), ("Mark", "")}


@pytest.mark.parametrize(
    "changed", [{"names": ("Martin", "Marvin")}, {"seed": 1}, {"n_train": 7}, {"test_accent": "en-US"}]
)
def test_what_shapes_the_clips_shapes_the_key(tmp_path, changed):
    assert build(synthetic(), ALPHABET, RATE, tmp_path) != build(synthetic(**changed), ALPHABET, RATE, tmp_path)


def test_another_alphabet_or_rate_is_another_corpus(tmp_path):
    folders = {build(synthetic(), *how, tmp_path).folder for how in [(ALPHABET, RATE), (ALPHABET, 8_000)]}
    folders.add(build(synthetic(), Alphabet("abcdefghijklmnopqrstuvwxyz"), RATE, tmp_path).folder)
    assert len(folders) == 3


def test_a_full_disk_loses_nothing_that_was_finished(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "SHARD", 5)
    write, written = files.write, []

    def until_full(path, *rest):
        if len(written) == 12:
            raise OSError(errno.ENOSPC, f"{path}: could not be written (no space left)")
        written.append(path)
        write(path, *rest)

    monkeypatch.setattr(files, "write", until_full)
    with pytest.raises(OSError, match="no space left"):
        build(synthetic(), ALPHABET, RATE, tmp_path, n_workers=1)
    folder = next(tmp_path.iterdir())
    assert shards(folder) == ["00000.jsonl", "00001.jsonl"]
    assert not (folder / "cuts.jsonl.gz").exists()

    rendered = []
    monkeypatch.setattr(files, "write", lambda path, *rest: (rendered.append(path), write(path, *rest)))
    corpus = build(synthetic(), ALPHABET, RATE, tmp_path, n_workers=1)
    assert len(rendered) == 24 - 10
    assert len(list(CutSet.from_file(corpus.cuts_path))) == 24

    Espeak().speak("Something else", Voice("espeak", "en-GB", "f2"), np.random.default_rng(0))
    whole = load_clips(build(synthetic(), ALPHABET, RATE, tmp_path / "elsewhere", n_workers=1))
    for split, clips in load_clips(corpus).items():
        for resumed, built_at_once in zip(clips, whole[split], strict=True):
            np.testing.assert_array_equal(resumed.samples, built_at_once.samples)


def test_processes_render_what_one_would_to_the_sample(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "SHARD", 5)
    alone = load_clips(build(synthetic(), ALPHABET, RATE, tmp_path / "alone", n_workers=1))
    both = load_clips(build(synthetic(), ALPHABET, RATE, tmp_path / "both", n_workers=2))
    for split, clips in alone.items():
        assert [(c.id, c.name, c.speaker, c.accent) for c in clips] == [
            (c.id, c.name, c.speaker, c.accent) for c in both[split]
        ]
        for one, other in zip(clips, both[split], strict=True):
            np.testing.assert_array_equal(one.samples, other.samples)


def _build_and_count(cache, queue):
    corpus = build(synthetic(), ALPHABET, RATE, cache, n_workers=1)
    queue.put(len(list(CutSet.from_file(corpus.cuts_path))))


def test_two_builds_at_once_make_one_corpus(tmp_path):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=_build_and_count, args=(tmp_path, queue)) for _ in range(2)]
    for process in processes:
        process.start()
    assert [queue.get(timeout=60) for _ in processes] == [24, 24]
    for process in processes:
        process.join()
    assert len(list(tmp_path.iterdir())) == 1


@pytest.fixture
def recordings(tmp_path):
    samples, rate = Espeak().speak("Anna", Espeak().voices()[3], np.random.default_rng(0))
    spoken = files.to_waveform(samples, rate, RATE)
    for speaker in ("ann", "ben", "cid", "dan"):
        path = tmp_path / "root" / "Anna" / f"{speaker}_0.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, spoken, RATE)
    return tmp_path / "root"


def test_one_bad_clip_is_listed_with_its_reason_and_the_rest_is_kept(tmp_path, recordings):
    (recordings / "Anna" / "ann_1.wav").write_bytes(b"")
    (recordings / "Anna" / "ann_2.wav").write_bytes(b"no audio")
    files.write(recordings / "Anna" / "ann_3.wav", np.zeros(RATE, np.float32), RATE)
    corpus = build(Folder(str(recordings)), ALPHABET, RATE, tmp_path / "cache")
    assert sum(map(len, load_clips(corpus).values())) == 4
    reasons = {refusal.clip.rpartition("/")[2]: refusal.reason for refusal in corpus.refused}
    assert set(reasons) == {"ann_1.wav", "ann_2.wav", "ann_3.wav"}
    assert "empty" in reasons["ann_1.wav"]
    assert "not readable" in reasons["ann_2.wav"]
    assert "no speech" in reasons["ann_3.wav"]
    listed = (corpus.folder / "refused.jsonl").read_text().splitlines()
    assert [json.loads(line)["clip"] for line in listed] == [refusal.clip for refusal in corpus.refused]


def test_recordings_that_clip_or_are_too_quiet_are_kept_and_listed_as_doubtful(tmp_path, recordings):
    for path in recordings.glob("Anna/*.wav"):
        spoken = files.read(path, RATE) / 2
        files.write(path, spoken, RATE)
    files.write(recordings / "Anna" / "ann_1.wav", np.clip(40 * spoken, -1, 1), RATE)
    files.write(recordings / "Anna" / "ann_2.wav", spoken / 300, RATE)
    corpus = build(Folder(str(recordings)), ALPHABET, RATE, tmp_path / "cache")
    assert sum(map(len, load_clips(corpus).values())) == 6
    assert corpus.refused == []
    told = {doubt.clip.rpartition("/")[2]: doubt.reason.partition(":")[0] for doubt in corpus.low_quality}
    assert told == {"ann_1.wav": "too loud", "ann_2.wav": "too quiet"}


def test_a_corpus_of_nothing_usable_is_an_error_with_the_first_reason(tmp_path, recordings):
    for path in recordings.rglob("*.wav"):
        path.write_bytes(b"")
    with pytest.raises(CorpusError, match=r"none of 4 clips is usable.*empty"):
        build(Folder(str(recordings)), ALPHABET, RATE, tmp_path / "cache")


def test_a_text_too_long_for_its_clip_is_refused_with_both_counts(tmp_path, recordings):
    (recordings / "Anna").rename(recordings / ("Wolfeschlegelsteinhausenbergerdorff" * 3))
    corpus = build(Folder(str(recordings)), ALPHABET, RATE, tmp_path / "cache")
    data = SpeechData(corpus, ALPHABET, RATE, lambda n_samples: n_samples // 320, batch_size=2)
    assert len(data.refused) == 4
    assert "needs 108 frames and the clip has" in data.refused[0].reason
    with pytest.raises(CorpusError, match="no usable clips in split train"):
        data.train_dataloader()
