import json
import shutil

import numpy as np
import pytest

from speech.audio import files
from speech.data.recordings import Folder, Manifest, split_speakers
from speech.data.source import CorpusError
from speech.text.alphabet import Alphabet

ALPHABET = Alphabet()
NOISE = np.random.default_rng(0).normal(size=8_000).astype(np.float32) * 0.1
SPEAKERS = ("ann", "ben", "cid")


@pytest.fixture
def root(tmp_path):
    for name in ("Anna", "Bob"):
        (tmp_path / name).mkdir()
        for speaker in (*SPEAKERS, "dan"):
            files.write(tmp_path / name / f"{speaker}_0.wav", NOISE, 16_000)
    return tmp_path


def listed(root, lines, name="clips.csv"):
    """What a manifest of ``lines`` gives."""
    (root / name).write_text("\n".join(lines), encoding="utf-8")
    return Manifest(str(root / name), test_speakers=1).items(ALPHABET)


def test_a_folder_is_split_by_speaker(root):
    items, refused = Folder(str(root)).items(ALPHABET)
    assert not refused
    speakers = {split: {i.speaker for i in items if i.split == split} for split in ("train", "val", "test")}
    assert [len(speakers[split]) for split in ("train", "val", "test")] == [1, 1, 2]
    assert set.union(*speakers.values()) == {*SPEAKERS, "dan"}
    assert {item.text for item in items} == {"Anna", "Bob"}


def test_a_changed_recording_is_another_item(root):
    before, _ = Folder(str(root)).items(ALPHABET)
    files.write(root / "Anna" / "ann_0.wav", NOISE[:4_000], 16_000)
    after, _ = Folder(str(root)).items(ALPHABET)
    assert [a == b for a, b in zip(before, after, strict=True)].count(False) == 1


def test_a_folder_that_is_no_name_is_refused_and_the_rest_used(root):
    shutil.copytree(root / "Anna", root / "R2D2")
    items, refused = Folder(str(root)).items(ALPHABET)
    assert len(items) == 8
    assert len(refused) == 4
    assert "R2D2" in refused[0].reason


def test_too_few_speakers_and_missing_folders_are_explained(tmp_path):
    with pytest.raises(CorpusError, match=r"2 speakers \(a, b\) cannot be split"):
        split_speakers({"a", "b"}, {"test": 2, "val": 1}, seed=0)
    with pytest.raises(CorpusError, match=r"corpus\.root=.*no such folder"):
        Folder(str(tmp_path / "nowhere"))
    (tmp_path / "Anna").mkdir()
    with pytest.raises(CorpusError, match=rf"corpus.root={tmp_path} has no folder of a name"):
        Folder(str(tmp_path)).items(ALPHABET)


def test_a_jsonl_manifest_has_its_recordings_and_errors_by_line(root):
    good = [{"path": f"Anna/{s}_0.wav", "text": "Anna", "speaker": n} for n, s in enumerate(SPEAKERS)]
    good[0]["accent"] = "en-GB"
    dan = {"path": "Anna/dan_0.wav", "text": "", "speaker": "dan"}
    wrong = {
        "{not json": "not JSON",
        json.dumps(dan): "text is missing",
        "[1, 2]": "not an object",
        json.dumps(dan | {"path": "gone.wav", "text": "Anna"}): "no such file",
        json.dumps(dan | {"text": "R2D2"}): "'2'",
        json.dumps(dan | {"text": float("nan")}): "NaN",
    }
    items, refused = listed(root, [*map(json.dumps, good), *wrong], "clips.jsonl")
    assert [(item.speaker, item.accent) for item in items] == [("0", "en-GB"), ("1", ""), ("2", "")], "0 too"
    for number, (one, reason) in enumerate(zip(refused, wrong.values(), strict=True), start=4):
        assert f"clips.jsonl:{number}: " in one.reason
        assert reason in one.reason


@pytest.mark.parametrize("separator", [",", ", ", ";", " ; ", "\t"])
def test_a_csv_manifest_is_read_by_the_separator_of_its_header(root, separator):
    rows = [("\ufeffpath", "text", "speaker"), *((f"Bob/{s}_0.wav", "Bob", s) for s in SPEAKERS)]
    items, refused = listed(root, [separator.join(row) + "\r" for row in rows])
    assert [(item.text, item.speaker) for item in items] == [("Bob", s) for s in SPEAKERS]
    assert not refused


def test_a_csv_manifest_has_a_header_and_a_value_for_each_column(root):
    lines = ["path,text,speaker", *(f"Bob/{s}_0.wav,Bob,{s}" for s in SPEAKERS), "Bob/dan_0.wav,Bob, Junior,dan"]
    items, (refused,) = listed(root, lines)
    assert len(items) == 3
    assert "clips.csv:5: more columns" in refused.reason


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"file,text,speaker\na.wav,Bob,x", r"bad\.csv:1: the header has no path"),
        ("path,text,speaker\nAnna/ann_0.wav,Chloé,ann\n".encode("latin-1"), r"bad\.csv: not text in UTF-8"),
        (b"path,text,speaker\n", r"bad\.csv has no line with path"),
    ],
)
def test_a_manifest_without_a_usable_line_is_an_error_by_its_path(root, content, message):
    (root / "bad.csv").write_bytes(content)
    with pytest.raises(CorpusError, match=message):
        Manifest(str(root / "bad.csv")).items(ALPHABET)


def test_recordings_outside_of_a_names_folder_are_skipped_and_reported(root):
    loose, deeper, noise = root / "ann_0.wav", root / "Anna" / "ann", root / "_background_noise_"
    files.write(loose, NOISE, 16_000)
    for place in (deeper / "2026", noise):
        shutil.copytree(root / "Bob", place)
    for empty in (root / "Bob" / "notes", root / ".cache"):
        empty.mkdir()
    items, refused = Folder(str(root)).items(ALPHABET)
    assert len(items) == 8
    assert {str(one) for one in refused} == {
        f"{loose}: skipped: it is not in the folder of a name",
        f"{deeper}: skipped: recordings of a name belong in its own folder, {root / 'Anna'}",
        f"{noise}: skipped: a folder whose name begins with _ is not for a name",
    }


def test_a_recording_has_one_text_and_one_speaker(root):
    """A list of cuts, say, by their times, which are not read."""
    lines = ["path,text,speaker,start", *(f"Bob/{s}_0.wav,Bob,{s},0" for s in SPEAKERS)]
    lines += ["Bob/ann_0.wav,Anna,ann,1", "Bob/ann_0.wav,Bob,ben,0", "Bob/ann_0.wav,Bob,ann,0"]
    items, refused = listed(root, lines)
    assert [item.speaker for item in items] == [*SPEAKERS, "ann"]
    place = root / "clips.csv"
    first = f"{root / 'Bob' / 'ann_0.wav'} has another text or speaker in {place}:2"
    assert [str(one) for one in refused] == [f"{place}:{n}: {first}: each needs its own file" for n in (5, 6)]


def test_the_id_of_a_recording_with_a_very_long_name_can_be_a_files_name(root):
    files.write(root / "Anna" / "ann_0.wav", NOISE, 16_000)
    long = root / "Anna" / f"ann_{'é' * 120}.wav"
    (root / "Anna" / "ann_0.wav").rename(long)
    items, _ = Folder(str(root)).items(ALPHABET)
    ids = [item.id for item in items]
    assert len(set(ids)) == 8
    assert max(len(f".part-1234567-12-{one}.flac".encode()) for one in ids) < 255


def test_each_kind_of_sound_file_is_listed_and_no_other(root):
    there = {item.path for item in Folder(str(root)).items(ALPHABET)[0]}
    for name in ("ann_1.m4a", "ann_2.opus", "ann_3.AIFF", "notes.txt", "._ann_4.wav"):
        (root / "Anna" / name).write_bytes(b"x")
    more = {item.path for item in Folder(str(root)).items(ALPHABET)[0]} - there
    assert more == {str(root / "Anna" / name) for name in ("ann_1.m4a", "ann_2.opus", "ann_3.AIFF")}
