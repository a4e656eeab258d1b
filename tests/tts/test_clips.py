import csv
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from speech.audio import files
from speech.data.recordings import Folder, Manifest
from speech.text.alphabet import Alphabet
from speech.text.names import Name, read_names
from speech.tts.clips import _file_name, write_clips
from speech.tts.espeak import Espeak
from speech.tts.voice import Voice

VOICES = [Voice("espeak", "en-GB", "f1"), Voice("espeak", "en-US", "m1")]


@pytest.fixture
def write(tmp_path):
    def write(*names, engine=None, sample_rate=16_000, seed=0):
        return write_clips(read_names(names), VOICES, engine or Espeak(), tmp_path, sample_rate, seed)

    return write


def rows(folder):
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def times(folder):
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.glob("*/*.wav")}


def age(folder):
    """Make all clips an hour older, so that one that is written again shows, however quickly it was."""
    for path in folder.glob("*/*.wav"):
        os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns - 3_600 * 10**9))
    return times(folder)


def test_a_clip_of_each_name_and_voice_is_written_and_listed(write, tmp_path):
    assert write("Chloé", "Bob") == len(times(tmp_path)) == 4
    assert {path.name for path in tmp_path.iterdir()} == {"Chloé", "Bob", "manifest.csv", ".lock"}
    assert {row["path"] for row in rows(tmp_path)} == set(times(tmp_path))
    assert all(row["path"].startswith(f"{row['text']}/") for row in rows(tmp_path))


def test_the_manifest_is_a_corpus_with_its_synthetic_speakers(write, tmp_path):
    """So that a recogniser trained on such voices counts them as seen; in the folder alone they are people."""
    write("Mark")
    items, _ = Manifest(str(tmp_path / "manifest.csv"), val_speakers=0, test_speakers=0).items(Alphabet())
    assert [(item.speaker, item.accent) for item in items] == [(voice.speaker, voice.accent) for voice in VOICES]


@pytest.mark.parametrize(
    "voice",
    [
        Voice("kokoro", "en-GB", "bf_alice"),
        Voice("kokoro", "en-GB", "bf_emma"),
        Voice("espeak", "en-US", "Mr serious"),
        Voice("pico", "en-GB", ""),
    ],
)
def test_a_voice_is_one_speaker_in_the_folder(voice, tmp_path):
    (tmp_path / "Mark").mkdir()
    (tmp_path / "Mark" / _file_name(voice)).touch()
    (item,), _ = Folder(str(tmp_path), val_speakers=0, test_speakers=0).items(Alphabet())
    assert item.speaker == voice.speaker.replace(":", "-").replace("_", "-").replace(" ", "-")


def test_an_interrupted_call_continues_when_repeated(write, tmp_path, monkeypatch):
    write_file, written = files.write, []

    def interrupted(path, *arguments):
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(path)
        write_file(path, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(files, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write("Anna", "Bob")
    before = age(tmp_path)
    assert len(before) == len(rows(tmp_path)) == 3
    write("Anna", "Bob")
    assert len(times(tmp_path)) == len(rows(tmp_path)) == 4
    assert before.items() < times(tmp_path).items()


def test_a_clip_sounds_the_same_whatever_was_made_before_it(write, tmp_path):
    write("Anna", "Bob")
    first = {path: path.read_bytes() for path in tmp_path.glob("*/*.wav")}
    for path in list(first)[::2]:
        path.unlink()
    write("Anna", "Bob")
    assert {path: path.read_bytes() for path in tmp_path.glob("*/*.wav")} == first


def test_two_calls_at_once_write_one_whole_folder(write, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda _: write("Anna", "Bob"), range(2))) == [4, 4]
    listed = [row["path"] for row in rows(tmp_path)]
    assert sorted(listed) == sorted(times(tmp_path))


def test_a_deleted_clip_is_written_again_and_no_other(write, tmp_path):
    write("Anna", "Bob")
    before = age(tmp_path)
    lost = min(before)
    (tmp_path / lost).unlink()
    write("Anna", "Bob")
    after = times(tmp_path)
    assert {path for path in after if before[path] != after[path]} == {lost}
    assert {row["path"] for row in rows(tmp_path)} == set(after)


def test_another_list_in_the_same_folder_is_added_to_the_manifest(write, tmp_path):
    write("Anna")
    write("Bob")
    assert [row["text"] for row in rows(tmp_path)] == ["Anna", "Anna", "Bob", "Bob"]


def test_a_foreign_manifest_is_left_as_it_is(write, tmp_path):
    (tmp_path / "manifest.csv").write_text("path,text,speaker\na.wav,Anna,ann\n")
    with pytest.raises(ValueError, match=r"manifest\.csv: its columns are not path.*: another program wrote it: give"):
        write("Anna")
    assert (tmp_path / "manifest.csv").read_text() == "path,text,speaker\na.wav,Anna,ann\n"
    assert not times(tmp_path)


@pytest.mark.parametrize(
    ("anna", "changed", "kept"),
    [
        ("Anna", {}, {"Anna", "Bob"}),
        (Name("Anna", ["arna"]), {}, {"Bob"}),
        ("Anna", {"engine": Espeak(rate=(120, 121))}, set()),
        ("Anna", {"seed": 1}, set()),
        ("Anna", {"sample_rate": 8_000}, set()),
    ],
    ids=["nothing", "pronunciation", "engine", "seed", "rate"],
)
def test_a_clip_is_written_again_if_its_sound_changes(write, tmp_path, anna, changed, kept):
    write("Anna", "Bob")
    before, listed = age(tmp_path), rows(tmp_path)
    write(anna, "Bob", **changed)
    after = times(tmp_path)
    assert after.keys() == before.keys()
    assert {path for path in after if before[path] == after[path]} == {p for p in after if p.split("/")[0] in kept}
    assert {row["text"] for row in rows(tmp_path) if row in listed} == kept


@pytest.mark.parametrize(
    ("say", "reason"), [("/ˈ/", "gives no sound for"), ("/ʘ/", "is not a sound of the English voices")]
)
def test_a_name_without_a_sound_is_named_and_has_no_clip(write, tmp_path, say, reason):
    """The same call continues from there once the name is respelt."""
    with pytest.raises(ValueError, match=f"^Zyx: .*{reason}"):
        write("Anna", Name("Zyx", [say]), "Bob")
    before = age(tmp_path)
    assert {row["text"] for row in rows(tmp_path)} == {path.split("/")[0] for path in before} == {"Anna"}
    write("Anna", Name("Zyx", ["zicks"]), "Bob")
    assert len(times(tmp_path)) == 6
    assert before.items() < times(tmp_path).items()
