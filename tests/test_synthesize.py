import csv
import os

import pytest

from speech.data.recordings import Folder
from speech.evaluate import evaluate
from speech.text.alphabet import Alphabet
from speech.tts.clips import _file_name, synthesize
from speech.tts.espeak import Espeak
from speech.tts.voice import Voice


def rows(folder):
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def changed(folder):
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.glob("*/*.wav")}


def age(folder):
    """Make all clips an hour older, so that one that is written anew shows, however quick it was."""
    for path in folder.glob("*/*.wav"):
        os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns - 3_600 * 10**9))
    return changed(folder)


def test_a_clip_of_each_name_and_voice_is_written_and_listed_with_the_voice_that_says_it(compose, tmp_path):
    n_clips = synthesize(compose("synthesize", 'names=["Chloé",Bob]', "n_voices=3", f"output={tmp_path}"))
    assert n_clips == len(list(tmp_path.glob("*/*.wav"))) == 6
    assert {path.name for path in tmp_path.iterdir()} == {"Chloé", "Bob", "manifest.csv"}
    listed = rows(tmp_path)
    assert {row["path"] for row in listed} == set(changed(tmp_path))
    assert all(row["path"].startswith(f"{row['text']}/") for row in listed)
    assert all(row["speaker"].startswith(f"espeak:{row['accent']}+") for row in listed)


def test_an_accent_that_is_not_there_is_refused(compose, tmp_path):
    with pytest.raises(ValueError, match="accent=en-XX: no such accent"):
        synthesize(compose("synthesize", "accent=en-XX", f"output={tmp_path}"))


def test_names_that_are_said_alike_are_told(compose, tmp_path, capsys):
    synthesize(compose("synthesize", "names=[Lori,Laurie,Bob]", "n_voices=1", f"output={tmp_path}"))
    (told,) = [line for line in capsys.readouterr().err.splitlines() if "said alike" in line]
    assert told.startswith("warning: Lori and Laurie are said alike")


def test_a_recogniser_knows_in_the_manifest_the_voices_that_trained_it(small_run, compose, tmp_path):
    """In the folder alone each of them is a person, whom it never met."""
    synthesize(compose("synthesize", "names=[Mark]", "accent=en-US", "n_voices=40", f"output={tmp_path}"))
    every = ["split=all", "corpus.val_speakers=0", "corpus.test_speakers=0"]
    choice = ["corpus=manifest", f"corpus.path={tmp_path / 'manifest.csv'}", *every]
    found = evaluate(compose("evaluate", f"recognizer={small_run}", *choice))
    assert found["n_clips"] == 40
    assert found["met"] == {"speaker": "seen", "accent": "seen", "engine": "seen"}
    assert set(found["groups"]["engine"]) == {"espeak"}


@pytest.mark.parametrize(
    "voice",
    [
        Voice("kokoro", "en-GB", "bf_alice"),
        Voice("kokoro", "en-GB", "bf_emma"),
        Voice("espeak", "en-US", "Mr serious"),
        Voice("pico", "en-GB", ""),
    ],
)
def test_each_voice_is_one_speaker_in_the_folder_as_well(voice, tmp_path):
    (tmp_path / "Mark").mkdir()
    (tmp_path / "Mark" / _file_name(voice)).touch()
    (item,), _ = Folder(str(tmp_path), val_speakers=0, test_speakers=0).items(Alphabet())
    assert item.speaker == voice.speaker.replace(":", "-").replace("_", "-").replace(" ", "-")


def test_it_goes_on_where_it_was_interrupted(compose, tmp_path, monkeypatch):
    config = compose("synthesize", "names=[Anna,Bob]", "n_voices=2", f"output={tmp_path}")
    from speech.audio import files

    write, written = files.write, []

    def interrupted(path, *arguments):
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(path)
        write(path, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(files, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            synthesize(config)
    before = age(tmp_path)
    assert len(before) == len(rows(tmp_path)) == 3
    synthesize(config)
    after = changed(tmp_path)
    assert len(after) == len(rows(tmp_path)) == 4
    assert before.items() < after.items()


def test_a_clip_that_was_deleted_is_said_again_and_no_other(compose, tmp_path):
    config = compose("synthesize", "names=[Anna,Bob]", "n_voices=2", f"output={tmp_path}")
    synthesize(config)
    before = age(tmp_path)
    lost = min(before)
    (tmp_path / lost).unlink()
    synthesize(config)
    after = changed(tmp_path)
    assert {path for path in after if before[path] != after[path]} == {lost}
    assert {row["path"] for row in rows(tmp_path)} == set(after)


def test_another_list_in_the_same_folder_is_listed_beside_the_first(compose, tmp_path):
    for name in ("Anna", "Bob"):
        synthesize(compose("synthesize", f"names=[{name}]", "n_voices=1", f"output={tmp_path}"))
    assert [row["text"] for row in rows(tmp_path)] == ["Anna", "Bob"]


def test_a_manifest_of_somebody_elses_is_left_as_it_is(compose, tmp_path):
    (tmp_path / "manifest.csv").write_text("path,text,speaker\na.wav,Anna,ann\n")
    with pytest.raises(ValueError, match=r"manifest\.csv: its columns are not path.* give another output"):
        synthesize(compose("synthesize", "names=[Anna]", "n_voices=1", f"output={tmp_path}"))
    assert (tmp_path / "manifest.csv").read_text() == "path,text,speaker\na.wav,Anna,ann\n"
    assert not changed(tmp_path)


@pytest.mark.parametrize(
    "other",
    [
        "names=[{text: Anna, say: [arna]},Bob]",
        "voices.rate=[120,121]",
        "seed=1",
        "sample_rate=8000",
    ],
)
def test_what_would_sound_otherwise_is_said_anew(compose, tmp_path, other, monkeypatch):
    voices = [Voice("espeak", "en-GB", variant) for variant in ("f1", "m1")]
    monkeypatch.setattr(Espeak, "voices", lambda _: voices)  # all are drawn, whatever the seed
    given = ["synthesize", "names=[Anna,Bob]", "n_voices=2", f"output={tmp_path}"]
    synthesize(compose(*given))
    before, listed = age(tmp_path), rows(tmp_path)
    synthesize(compose(*given))
    assert changed(tmp_path) == before
    synthesize(compose(*given, other))
    after = changed(tmp_path)
    assert after.keys() == before.keys()
    kept = {path for path in after if before[path] == after[path]}
    respelt = other.startswith("names")
    assert kept == ({path for path in after if path.startswith("Bob")} if respelt else set())
    assert {row["path"] for row in rows(tmp_path) if row in listed} == kept


def test_a_name_that_no_voice_can_say_is_told_by_its_name_and_leaves_no_silence(compose, tmp_path):
    """The same command goes on from there once it is respelt."""
    given = ["synthesize", "n_voices=1", f"output={tmp_path}"]
    for say, reason in (("/ˈ/", "says nothing for"), ("/ʘ/", "is no sound of the English voices")):
        with pytest.raises(ValueError, match=f"^Zyx: .*{reason}"):
            synthesize(compose(*given, f'names=[Anna,{{text: Zyx, say: ["{say}"]}},Bob]'))
        assert {row["text"] for row in rows(tmp_path)} == {path.split("/")[0] for path in changed(tmp_path)} == {"Anna"}
    before = age(tmp_path)
    synthesize(compose(*given, "names=[Anna,{text: Zyx, say: [zicks]},Bob]"))
    assert len(changed(tmp_path)) == 3
    assert before.items() < changed(tmp_path).items()
