import errno
import gzip
import json
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from lhotse import CutSet
from small_sequences import make_concatenation
from small_sources import make_synthetic
from spoken import speak

from speech.audio import files
from speech.data import build as building
from speech.data.build import Corpus, build
from speech.data.datamodule import DataSettings, SpeechData, load_clips, load_cuts, read_cuts
from speech.data.recordings import Folder, Manifest
from speech.data.source import CorpusError
from speech.text.alphabet import Alphabet

ALPHABET, RATE = Alphabet(), 16_000
N_CLIPS = 2 * (6 + 2 + 2 + 2)


@pytest.fixture
def source():
    return make_synthetic(names=("Martin", "Mark"), n_test=2)


def cuts(corpus):
    return list(CutSet.from_file(corpus.cuts_path).with_recording_path_prefix(corpus.folder))


def content(corpus):
    """Every clip of a corpus, its samples as bytes, by split."""
    clips = load_clips(corpus)
    return {split: [one._replace(samples=one.samples.tobytes()) for one in some] for split, some in clips.items()}


def test_a_corpus_is_a_lhotse_cutset_built_once(source, tmp_path):
    corpus = build(source, ALPHABET, RATE, tmp_path)
    found = cuts(corpus)
    assert len(found) == N_CLIPS
    assert {cut.supervisions[0].text for cut in found} == {"martin", "mark"}
    assert found[0].load_audio().shape == (1, found[0].num_samples)
    before = corpus.cuts_path.stat().st_mtime_ns
    assert build(source, ALPHABET, RATE, tmp_path).cuts_path.stat().st_mtime_ns == before


@pytest.mark.parametrize("altered", ["a clip less", "no facts", "another name", "another place"])
def test_a_manifest_that_was_altered_is_told_with_the_way_out(source, tmp_path, altered):
    corpus = build(source, ALPHABET, RATE, tmp_path)
    first, *others = gzip.decompress(corpus.cuts_path.read_bytes()).decode().splitlines()
    cut = json.loads(first)
    changed = {"no facts": {"custom": {}}, "another name": {"custom": cut["custom"] | {"name": "Anna"}}}
    changed["another place"] = {"recording": json.loads(others[0])["recording"]}
    lines = [json.dumps(cut | changed[altered]), *others] if altered in changed else others
    corpus.cuts_path.write_bytes(gzip.compress("\n".join(lines).encode()))
    with pytest.raises(CorpusError, match=rf"^{corpus.cuts_path}: missing or damaged .*: delete {corpus.folder}, and"):
        load_clips(build(source, ALPHABET, RATE, tmp_path))


def test_of_a_clip_no_more_is_read_than_its_manifest_says(source, tmp_path):
    first, *_ = read_cuts(build(source, ALPHABET, RATE, tmp_path))
    files.write(first.recording.sources[0].source, np.zeros(10**6, np.float32), RATE)
    with pytest.raises(
        CorpusError, match=rf"its samples are \({first.num_samples + 1},\), not \({first.num_samples},\)"
    ):
        load_cuts([first])


def test_a_clip_has_the_text_that_was_read_beside_its_name(tmp_path):
    source = make_synthetic(names=({"text": "Niamh", "say": "neev"}, "Mark"), n_train=1, n_val=1, n_test=0)
    clips = load_clips(build(source, ALPHABET, RATE, tmp_path))
    assert {(clip.name, clip.say) for some in clips.values() for clip in some} == {("Niamh", "neev"), ("Mark", "Mark")}


@pytest.fixture
def key(source):
    """The key of a corpus."""

    def make(source=source, alphabet=ALPHABET, rate=RATE):
        return building._key(source, *source.items(alphabet), alphabet, rate)

    return make


@pytest.mark.parametrize(
    "changed", [{"names": ("Martin", "Marvin")}, {"seed": 1}, {"n_train": 7}, {"unseen_accent": "en-US"}]
)
def test_what_shapes_the_clips_is_in_the_key(key, changed):
    assert key(make_synthetic(**changed)) != key(make_synthetic()) == key(make_synthetic())


def test_alphabet_and_sample_rate_are_in_the_key(key):
    assert len({key(), key(rate=8_000), key(alphabet=Alphabet("abcdefghijklmnopqrstuvwxyz"))}) == 3


CODE = '''"""Tones."""
class Tone:
    def speak(self):
        return 440 * 2
'''


@pytest.mark.parametrize(
    ("was", "now", "same"),
    [
        ("Tones", "Pure tones", True),
        ("        return", "        # in Hz\n\n        return", True),
        ("speak(self):", 'speak(self):\n        """A tone."""', True),
        ("440 * 2", "(440*2)", True),
        ("440", "441", False),
        ("* 2", "+ 2", False),
    ],
)
def test_code_is_in_the_key_without_comments_docstrings_and_layout(key, monkeypatch, tmp_path, was, now, same):
    path = tmp_path / "tone.py"
    monkeypatch.setattr(building, "_code", lambda: [path])
    keys = []
    for code in (CODE, CODE.replace(was, now)):
        path.write_text(code)
        keys.append(key())
    assert code != CODE
    assert (keys[0] == keys[1]) == same


def test_the_code_in_the_key_is_that_of_clips():
    found = {str(path.relative_to(building.PACKAGE)) for path in building._code()}
    assert {"audio/endpointing.py", "text/espeak.py", "tts/espeak.py", "tts/kokoro.py", "data/build.py"} <= found
    assert "data/dataset.py" not in found


def test_a_full_disk_loses_no_finished_shard(source, tmp_path, monkeypatch):
    monkeypatch.setattr(building, "SHARD", 5)
    write, written = files.write, []

    def until_full(path, *rest):
        if len(written) == 12:
            raise OSError(errno.ENOSPC, f"{path}: could not be written (no space left)")
        written.append(path)
        write(path, *rest)

    monkeypatch.setattr(files, "write", until_full)
    with pytest.raises(OSError, match="no space left"):
        build(source, ALPHABET, RATE, tmp_path / "cache", n_workers=1)
    (folder,) = (tmp_path / "cache").iterdir()
    assert sorted(path.name for path in (folder / "shards").iterdir()) == ["00000.jsonl.gz", "00001.jsonl.gz"]
    assert not (folder / "cuts.jsonl.gz").exists()

    rendered = []
    monkeypatch.setattr(files, "write", lambda path, *rest: (rendered.append(path), write(path, *rest)))
    resumed = build(source, ALPHABET, RATE, tmp_path / "cache", n_workers=1)
    assert len(rendered) == N_CLIPS - 10
    assert len(cuts(resumed)) == N_CLIPS
    speak("Something else", "f2", "en-GB")
    assert content(resumed) == content(build(source, ALPHABET, RATE, tmp_path / "elsewhere", n_workers=1))


def test_a_corpus_is_the_same_by_any_number_of_processes(source, tmp_path, monkeypatch):
    monkeypatch.setattr(building, "SHARD", 5)
    one, two = (build(source, ALPHABET, RATE, tmp_path / str(n), n_workers=n) for n in (1, 2))
    assert content(one) == content(two)


def test_two_builds_at_once_make_one_corpus(source, tmp_path):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=build, args=(source, ALPHABET, RATE, tmp_path, 1)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert len(list(tmp_path.iterdir())) == 1
    assert len(cuts(build(source, ALPHABET, RATE, tmp_path))) == N_CLIPS


SPOIL = {
    "a clip with another bit": lambda clips, _: clips[7].write_bytes(flipped(clips[7].read_bytes(), 200)),
    "an empty clip": lambda clips, _: clips[7].write_bytes(b""),
    "no clip": lambda clips, _: clips[7].unlink(),
    "a shard's list with another bit": lambda _, folder: spoil(folder / "shards" / "00001.jsonl.gz", 30),
    "an empty list of a shard": lambda _, folder: (folder / "shards" / "00001.jsonl.gz").write_bytes(b""),
    "no list of a shard": lambda _, folder: (folder / "shards" / "00001.jsonl.gz").unlink(),
    "a manifest that is cut short": lambda _, folder: (folder / "cuts.jsonl.gz").write_bytes(b"\x1f\x8b\x08\x00"),
    "a manifest that is empty": lambda _, folder: (folder / "cuts.jsonl.gz").write_bytes(b""),
    "a manifest with another bit": lambda _, folder: spoil(folder / "cuts.jsonl.gz", 100),
    "no manifest": lambda _, folder: (folder / "cuts.jsonl.gz").unlink(),
}


def flipped(content, at):
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def spoil(path, at):
    path.write_bytes(flipped(path.read_bytes(), at))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The cache of a small corpus of five shards, and its content."""
    cache = tmp_path_factory.mktemp("built")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(building, "SHARD", 5)
        return cache, content(build(make_synthetic(("Martin", "Mark"), n_test=2), ALPHABET, RATE, cache, n_workers=1))


@pytest.mark.parametrize("damage", SPOIL)
def test_a_damaged_corpus_is_healed_by_the_shards_that_it_lacks(built, source, tmp_path, monkeypatch, damage):
    monkeypatch.setattr(building, "SHARD", 5)
    cache = shutil.copytree(built[0], tmp_path / "cache")
    (folder,) = cache.iterdir()
    SPOIL[damage](sorted(folder.glob("clips/*/*.flac")), folder)
    render, rendered = building._render_shard, []
    monkeypatch.setattr(building, "_render_shard", lambda *of: (rendered.append(of[3]), render(*of))[1])
    assert content(build(source, ALPHABET, RATE, cache, n_workers=1)) == built[1]
    assert rendered == ([] if "manifest" in damage else ["00001"])
    build(source, ALPHABET, RATE, cache, n_workers=1)
    assert len(rendered) <= 1, "it is whole now"


def test_a_corpus_may_be_moved(built, source, tmp_path, monkeypatch):
    monkeypatch.setattr(building, "SHARD", 5)
    monkeypatch.setattr(building, "_render_shard", None)
    cache = shutil.copytree(built[0], tmp_path / "elsewhere")
    assert content(build(source, ALPHABET, RATE, cache)) == built[1]
    (folder,) = cache.iterdir()
    with gzip.open(folder / "cuts.jsonl.gz", "rt") as file:
        assert str(built[0]) not in file.read()


@pytest.mark.parametrize("left", ["all of it", "all but a clip", "nothing"])
def test_a_read_only_cache_gives_whole_corpora_and_refuses_others(built, source, tmp_path, monkeypatch, left):
    monkeypatch.setattr(building, "SHARD", 5)
    cache = shutil.copytree(built[0], tmp_path / "cache", ignore=shutil.ignore_patterns(".lock"))
    (folder,) = cache.iterdir()
    if left == "all but a clip":
        next(folder.glob("clips/*/*.flac")).unlink()
    elif left == "nothing":
        shutil.rmtree(folder)

    def refused(path, *_, **__):
        if not Path(path).is_dir():
            raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "mkdir", refused)
    monkeypatch.setattr(os, "open", refused)
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*")}
    told = rf"^{folder}: missing or damaged, and cannot be made there \(Read-only .*: give a cache_dir=DIR"
    with nullcontext() if left == "all of it" else pytest.raises(CorpusError, match=told):
        assert content(build(source, ALPHABET, RATE, cache)) == built[1]
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*")} == before


def test_a_damaged_clip_without_its_source_is_named_with_the_way_out(built, tmp_path):
    (folder,) = shutil.copytree(built[0], tmp_path / "cache").iterdir()
    clip = next(folder.glob("clips/*/*.flac"))
    clip.write_bytes(clip.read_bytes()[:50])
    with pytest.raises(CorpusError, match=rf"^{re.escape(str(clip))}: missing or damaged .*: delete {folder}, "):
        load_clips(Corpus(folder, []))


def test_processes_that_render_end_with_the_one_that_started_them(tmp_path):
    """However it ends: SIGKILL leaves it no time to tell them. They hold its output open, which is waited for."""
    code = """
import multiprocessing, os, sys, time
from concurrent.futures import ProcessPoolExecutor
from speech.common.processes import end_with_parent
if __name__ == "__main__":
    pool = ProcessPoolExecutor(2, multiprocessing.get_context("spawn"), initializer=end_with_parent)
    pool.submit(os.getpid).result()
    pool.submit(time.sleep, 60)
    time.sleep(0.3)
    os.kill(os.getpid(), 9)
"""
    (tmp_path / "parent.py").write_text(code)
    ended = subprocess.run([sys.executable, tmp_path / "parent.py"], capture_output=True, timeout=50, check=False)
    assert ended.returncode == -9


@pytest.fixture(scope="module")
def spoken():
    return files.to_waveform(*speak("Anna"), RATE)


FOLDER_BUILDER = """
import sys
from speech.data import build as building
from speech.data.recordings import Folder
from speech.text.alphabet import Alphabet
building.SHARD = 1
building.build(Folder(sys.argv[1], val_speakers=0, test_speakers=0), Alphabet(), 16000, sys.argv[2], n_workers=2)
"""


def test_a_script_without_a_main_guard_is_told_so_and_does_not_wait_for_itself(tmp_path, spoken):
    clips = tmp_path / "clips"
    for name in ("Martin", "Mark", "Marvin"):
        (clips / name).mkdir(parents=True)
        files.write(clips / name / "0.wav", spoken, RATE)
    script = tmp_path / "script.py"
    script.write_text(FOLDER_BUILDER)
    command = [sys.executable, script, clips, tmp_path / "cache"]
    ended = subprocess.run(command, capture_output=True, timeout=60, check=False, text=True)
    assert ended.returncode
    assert 'put that code under if __name__ == "__main__":' in ended.stderr


@pytest.fixture
def folder(tmp_path, spoken):
    """Recordings of Anna by four speakers."""
    (tmp_path / "root" / "Anna").mkdir(parents=True)
    for speaker in ("ann", "ben", "cid", "dan"):
        files.write(tmp_path / "root" / "Anna" / f"{speaker}_0.wav", spoken / 2, RATE)
    return tmp_path / "root" / "Anna"


def build_folder(folder):
    return build(Folder(str(folder.parent)), ALPHABET, RATE, folder.parents[1] / "cache")


def reasons(refusals):
    return {one.clip.rpartition("/")[2]: one.reason for one in refusals}


def test_a_bad_recording_is_refused_with_its_reason_and_the_rest_used(folder):
    (folder / "ann_1.wav").write_bytes(b"")
    (folder / "ann_2.wav").write_bytes(b"no audio")
    files.write(folder / "ann_3.wav", np.zeros(RATE, np.float32), RATE)
    corpus = build_folder(folder)
    assert len(cuts(corpus)) == 4
    found = reasons(corpus.refused)
    for clip, reason in (("ann_1.wav", "empty"), ("ann_2.wav", "not readable"), ("ann_3.wav", "no speech")):
        assert reason in found.pop(clip)
    assert not found
    listed = (corpus.folder / "refused.jsonl").read_text().splitlines()
    assert [json.loads(line)["clip"] for line in listed] == [refusal.clip for refusal in corpus.refused]


def test_recordings_that_clip_or_are_too_quiet_are_used_and_listed(folder, spoken):
    files.write(folder / "ann_1.wav", np.clip(40 * spoken, -1, 1), RATE)
    files.write(folder / "ann_2.wav", spoken / 600, RATE)
    corpus = build_folder(folder)
    assert len(cuts(corpus)) == 6
    assert corpus.refused == []
    found = {clip: reason.partition(":")[0] for clip, reason in reasons(corpus.low_quality).items()}
    assert found == {"ann_1.wav": "too loud", "ann_2.wav": "too quiet"}


@pytest.mark.parametrize("trim", [True, False])
def test_a_sentence_with_a_long_pause_is_whole_if_it_is_not_trimmed(folder, spoken, trim):
    """A name is the loudest part, and no longer than the end-pointer's window."""
    pause = np.zeros(RATE, np.float32)
    sentence = np.concatenate([pause, *[spoken / 2, pause] * 5])
    manifest = folder / "sentences.csv"
    lines = ["path,text,speaker"]
    for speaker in ("ann", "ben", "cid"):
        files.write(folder / f"{speaker}.flac", sentence, RATE)
        lines.append(f"{speaker}.flac,one one one one one,{speaker}")
    manifest.write_text("\n".join(lines))
    source = Manifest(str(manifest), test_speakers=1, trim=trim)
    clips = load_clips(build(source, ALPHABET, RATE, folder / "cache"))
    for (clip,) in clips.values():
        if trim:
            assert len(clip.samples) < 2 * len(spoken)
        else:
            np.testing.assert_allclose(clip.waveform, sentence, atol=1 / 32767)


def test_a_corpus_without_a_usable_clip_is_an_error_with_a_reason(folder):
    for path in folder.iterdir():
        path.write_bytes(b"")
    with pytest.raises(CorpusError, match=r"none of 4 clips is usable.*empty"):
        build_folder(folder)


def test_a_text_too_long_for_its_clip_is_refused_with_both_counts(folder):
    folder = folder.rename(folder.parent / ("Wolfeschlegelsteinhausenbergerdorff" * 3))
    settings = DataSettings(ALPHABET, RATE, lambda n_samples: n_samples // 320, batch_size=2)
    data = SpeechData(build_folder(folder), settings)
    assert len(data.refused) == 4
    assert "needs 108 frames and the clip has" in data.refused[0].reason
    with pytest.raises(CorpusError, match="no usable clips in split train"):
        data.train_dataloader()


def test_a_sentence_longer_than_a_name_is_trained_on_and_not_ranked(tmp_path, spoken):
    """Of each speaker one, and a short one."""
    lines, long = ["path,text,speaker"], "anna " * 41
    for speaker in ("ann", "ben", "cid"):
        for text, path in ((long, f"{speaker}.flac"), ("anna anna", f"{speaker}_short.flac")):
            files.write(tmp_path / path, np.concatenate([spoken / 2] * 41), RATE)
            lines.append(f"{path},{text},{speaker}")
    (tmp_path / "sentences.csv").write_text("\n".join(lines))
    source = Manifest(str(tmp_path / "sentences.csv"), test_speakers=1, trim=False)
    settings = DataSettings(ALPHABET, RATE, lambda n_samples: n_samples // 320, batch_size=2)
    data = SpeechData(build(source, ALPHABET, RATE, tmp_path / "cache"), settings)
    assert [len(data.datasets[split]) for split in ("train", "val", "test")] == [2, 1, 1]
    assert data.names == data.listed == ["anna anna"]
    assert len(data.refused) == 2
    assert all(
        "204 letters, and it would be ranked as a name, which has at most 200" in one.reason for one in data.refused
    )


def test_a_clip_longer_than_a_sequence_is_refused_for_training_alone(folder, spoken):
    corpus = build_folder(folder)
    for longest_s, n_refused in ((0.9, 1), (60.0, 0)):
        together = make_concatenation(60, length_s=(0.1, longest_s * len(spoken) / RATE))
        settings = DataSettings(ALPHABET, RATE, lambda n_samples: n_samples // 320, 2, concatenate=together)
        data = SpeechData(corpus, settings)
        assert len(data.refused) == n_refused, "of one speaker; the others are of val and test"
        assert all("s, over" in one.reason and "concatenate.length_s" in one.reason for one in data.refused)
        assert [len(data.datasets[split]) for split in ("train", "val", "test")] == [1 - n_refused, 1, 2]
    (batch, *_) = data.train_dataloader()
    assert batch.n_samples.sum() == pytest.approx(60 * RATE, rel=0.1)
