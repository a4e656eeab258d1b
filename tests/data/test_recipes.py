"""Public corpora as they lie on the disk: a tiny imitation of each layout, of synthetic clips."""

import csv
import gzip

import numpy as np
import pytest
import soundfile

from speech.audio import files
from speech.data.build import build
from speech.data.datamodule import load_clips
from speech.data.recipes import Recipe
from speech.data.source import CorpusError
from speech.text.alphabet import Alphabet

RATE, ALPHABET = 16_000, Alphabet()
SOUNDS = (".flac", ".WAV", ".wav", ".ogg", ".mp3")
SPEAKERS = {"train": ["f1", "f2", "m1"], "dev": ["m2"], "test": ["m3"]}


@pytest.fixture(scope="module")
def sound(recordings):
    def of(word, speaker):
        # A word of three letters alone is no clip.
        said = {"seven": "one", "three": "two", "yes": "one"}.get(word, word)
        return files.read(recordings / said / f"{speaker}_0.wav", RATE)

    return of


def sentence(sound, words, speaker, pause_s=0.0):
    """A waveform of ``words``, and the times at which each begins and ends."""
    parts, times, at = [], [], 0
    for word in words:
        parts += [sound(word, speaker), np.zeros(round(pause_s * RATE), np.float32)]
        times.append((at / RATE, (at + len(parts[-2])) / RATE))
        at += len(parts[-2]) + len(parts[-1])
    return np.concatenate(parts), times


def write(path, waveform, **format):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, waveform, RATE, **format)


def made(recipe, root, tmp_path, cache):
    """The clips of each split, and the reasons of those that are refused; read anew, and then as it was kept."""

    def source():
        return Recipe(recipe, str(root), "en", 3, str(tmp_path / "manifests"), 0)

    corpus = build(source(), ALPHABET, RATE, cache, n_workers=1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Recipe, "_prepared", lambda *_: pytest.fail("it is read anew"))
        assert build(source(), ALPHABET, RATE, cache, n_workers=1) == corpus
    return load_clips(corpus), corpus.refused


LONG = ["seven", "three", "three", "seven", "three", "seven"]


def librispeech(root, sound, aligned=False, pause_s=1.2):
    for part, speakers in (("train-clean-5", ["f1", "f2"]), ("dev-clean-2", ["m1"])):
        for speaker in speakers:
            number = 100 + ["f1", "f2", "m1"].index(speaker)
            folder = root / part / str(number) / "7"
            lines, times_of = [], []
            for i, words in enumerate((["seven"], LONG)):
                waveform, times = sentence(sound, words, speaker, pause_s)
                id = f"{number}-7-{i:04d}"
                write(folder / f"{id}.flac", waveform)
                lines.append(f"{id} {' '.join(words).upper()}")
                ends = ",".join(f"{stop:.3f}" for _, stop in times)
                times_of.append(f'{id} "{",".join(words).upper()}" "{ends}"')
            (folder / f"{number}-7.trans.txt").write_text("\n".join(lines) + "\n")
            if aligned:
                (folder / f"{number}-7.alignment.txt").write_text("\n".join(times_of) + "\n")


def test_librispeech_is_cut_by_its_alignment(sound, tmp_path, cache):
    librispeech(tmp_path / "corpus", sound, aligned=True, pause_s=0.0)
    clips, refused = made("mini_librispeech", tmp_path / "corpus", tmp_path, cache)
    assert not refused
    assert {clip.speaker for clip in clips["train"]} == {"100", "101"}
    assert {clip.speaker for clip in clips["val"]} == {"102"}
    for split in clips.values():
        assert {len(clip.name.split()) for clip in split} <= {1, 2, 3}
        assert all(word.lower() in LONG for clip in split for word in clip.name.split())
    lengths = {n: [len(c.samples) for c in clips["train"] if len(c.name.split()) == n] for n in (1, 2)}
    assert np.mean(lengths[1]) < np.mean(lengths[2])


def test_without_an_alignment_it_is_cut_at_its_pauses_else_refused(sound, tmp_path, cache):
    librispeech(tmp_path / "spaced", sound, aligned=False, pause_s=1.2)
    clips, refused = made("librispeech", tmp_path / "spaced", tmp_path, cache)
    assert not refused
    assert [clip.name.lower() for clip in clips["train"] if clip.speaker == "100"] == ["seven", *LONG]
    librispeech(tmp_path / "fluent", sound, aligned=False, pause_s=0.0)
    clips, refused = made("librispeech", tmp_path / "fluent", tmp_path, cache)
    assert [clip.name.lower() for clip in clips["train"]] == ["seven", "seven"]
    assert len(refused) == 3 * len(LONG)
    assert "6 words without an alignment, but 1 piece of speech between pauses" in refused[0].reason


def timit(root, sound):
    for part, speaker, ours in (("TRAIN", "FCJF0", "f1"), ("TEST", "FAKS0", "f2"), ("TEST", "MDAB0", "m1")):
        waveform, times = sentence(sound, LONG, ours)
        path = root / "data" / part / "DR1" / speaker / "SA1.WAV"
        write(path, waveform)
        path.with_suffix(".TXT").write_text(f"0 {len(waveform)} {' '.join(LONG)}.\n")
        rows = [f"{round(a * RATE)} {round(b * RATE)} {word}" for (a, b), word in zip(times, LONG, strict=True)]
        path.with_suffix(".WRD").write_text("\n".join(rows) + "\n")
        path.with_suffix(".PHN").write_text(f"0 {len(waveform)} aa\n")


def speech_commands(folder, sound):
    root = folder / "SpeechCommands2"  # which lhotse download makes
    for split, speakers in SPEAKERS.items():
        of = "speech_commands_test_set_v0.02" if split == "test" else "speech_commands_v0.02"
        for speaker in speakers:
            write(root / of / "yes" / f"{speaker}_nohash_0.wav", sound("one", speaker))
    (root / "speech_commands_v0.02" / "validation_list.txt").write_text("yes/m2_nohash_0.wav\n")
    (root / "speech_commands_v0.02" / "testing_list.txt").write_text("")


def common_voice(root, sound):
    columns = ["client_id", "path", "sentence", "gender", "age", "accents", "variant"]
    for split, speakers in SPEAKERS.items():
        rows = []
        for speaker in speakers:
            write(root / "en" / "clips" / f"{speaker}.mp3", sound("two", speaker), format="MP3")
            rows.append([speaker, f"{speaker}.mp3", "Two.", "", "", "", ""])
        with (root / "en" / f"{split}.tsv").open("w", newline="") as file:
            csv.writer(file, delimiter="\t").writerows([columns, *rows])


def voxpopuli(root, sound):
    columns = ["session_id", "id_", "original_text", "normed_text", "speaker_id", "split", "gender"]
    columns += ["start_time", "end_time"]
    rows = [columns]
    for split, speakers in SPEAKERS.items():
        for speaker in speakers:
            session = f"2017-{speaker}"
            waveform, times = sentence(sound, ["one", "two"], speaker, pause_s=1.0)
            write(root / "raw_audios" / "en" / "2017" / f"{session}_en.ogg", waveform)
            for (start, stop), text in zip(times, ("one", "two"), strict=True):
                rows.append([session, text, text.title(), text, speaker, split, "", start, stop])
    with gzip.open(root / "asr_en.tsv.gz", "wt", newline="") as file:
        csv.writer(file, delimiter="|").writerows(rows)


LAYOUTS = {
    "librispeech": librispeech,
    "timit": timit,
    "speechcommands": speech_commands,
    "voxpopuli": voxpopuli,
    "commonvoice": common_voice,
}
SPLITS = {"train": {"f1", "f2", "m1"}, "val": {"m2"}, "test": {"m3"}}
TIMIT = {"train": {"FCJF0"}, "val": {"FAKS0"}, "test": {"MDAB0"}}


@pytest.mark.parametrize(
    ("recipe", "speakers", "names"),
    [
        ("timit", TIMIT, None),  # cut by its words
        ("speechcommands", SPLITS, {("yes", "en")}),
        ("commonvoice", SPLITS, {("Two", "en")}),
        ("voxpopuli", SPLITS, {("one", "en"), ("two", "en")}),  # cut out of its sessions
    ],
)
def test_a_corpus_has_the_splits_and_the_clips_of_its_own_lists(recipe, speakers, names, sound, tmp_path, cache):
    LAYOUTS[recipe](tmp_path / "corpus", sound)
    clips, refused = made(recipe, tmp_path / "corpus", tmp_path, cache)
    assert not refused
    assert {split: {clip.speaker for clip in some} for split, some in clips.items()} == speakers
    if names:
        assert {(clip.name, clip.accent) for some in clips.values() for clip in some} == names
        for clip in clips["val"] + clips["test"]:
            assert abs(len(clip.samples) - len(sound(clip.name.lower(), clip.speaker))) < 0.5 * RATE


def test_the_list_of_voxpopuli_is_asked_for_and_not_fetched(sound, tmp_path, cache):
    voxpopuli(tmp_path / "corpus", sound)
    (tmp_path / "corpus" / "asr_en.tsv.gz").unlink()
    with pytest.raises(CorpusError, match=r"asr_en\.tsv\.gz is missing, which is published with the recordings"):
        made("voxpopuli", tmp_path / "corpus", tmp_path, cache)


def test_a_wrong_name_folder_or_layout_is_one_line(tmp_path, cache):
    with pytest.raises(CorpusError, match=r"corpus\.recipe=libri: not one of commonvoice, librispeech"):
        Recipe("libri", str(tmp_path), "en", 3, str(tmp_path), 0)
    commands = {"mini_librispeech": "librispeech --mini", "speechcommands": "speechcommands 2"}
    for recipe, command in (commands | {"timit": "timit"}).items():
        with pytest.raises(CorpusError, match=rf"no such folder: lhotse download {command} {tmp_path}/none$"):
            Recipe(recipe, str(tmp_path / "none"), "en", 3, str(tmp_path), 0)
    for recipe in ("librispeech", "speechcommands", "commonvoice", "timit"):
        with pytest.raises(CorpusError):
            made(recipe, tmp_path, tmp_path / recipe, cache)


@pytest.mark.parametrize("kept", [0, 0.7])
@pytest.mark.parametrize("recipe", LAYOUTS)
def test_a_damaged_recording_is_refused_alone_until_it_is_mended(recipe, kept, sound, tmp_path, cache):
    LAYOUTS[recipe](tmp_path / "corpus", sound)
    files_there = (path for path in sorted((tmp_path / "corpus").rglob("*")) if path.suffix in SOUNDS)
    broken = max(files_there, key=lambda path: path.stat().st_size)
    content = broken.read_bytes()
    broken.write_bytes(content[: int(kept * len(content))])
    clips, refused = made(recipe, tmp_path / "corpus", tmp_path, cache)
    assert refused
    assert {one.clip for one in refused} == {str(broken)}
    broken.write_bytes(content)
    mended, none = made(recipe, tmp_path / "corpus", tmp_path, cache)
    assert none == []
    assert sum(map(len, mended.values())) == sum(map(len, clips.values())) + len(refused)
    whole, _ = made(recipe, tmp_path / "corpus", tmp_path / "anew", cache)
    assert {clip.id: len(clip.samples) for some in mended.values() for clip in some} == {
        clip.id: len(clip.samples) for some in whole.values() for clip in some
    }


@pytest.mark.parametrize("recipe", [recipe for recipe in LAYOUTS if recipe != "timit"])  # which has no list
def test_a_missing_recording_of_a_list_is_refused_until_it_is_there(recipe, sound, tmp_path, cache):
    LAYOUTS[recipe](tmp_path / "corpus", sound)
    pattern = "101-7-0000.flac" if recipe == "librispeech" else "*m2[_.]*"
    (missing,) = (path for path in (tmp_path / "corpus").rglob(pattern) if path.suffix in SOUNDS)
    content = missing.read_bytes()
    missing.unlink()
    clips, refused = made(recipe, tmp_path / "corpus", tmp_path, cache)
    assert {str(one) for one in refused} == {f"{missing}: No such file or directory"}
    missing.write_bytes(content)
    mended, none = made(recipe, tmp_path / "corpus", tmp_path, cache)
    assert none == []
    assert sum(map(len, mended.values())) == sum(map(len, clips.values())) + len(refused)


def test_a_manifest_that_is_damaged_is_one_line(sound, tmp_path, cache):
    librispeech(tmp_path / "corpus", sound, aligned=True, pause_s=0.0)
    assert made("librispeech", tmp_path / "corpus", tmp_path, cache)[0]
    (kept,) = (tmp_path / "manifests").iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    with pytest.raises(CorpusError, match=rf"^{kept}: damaged .*: delete it, and the corpus is read again$"):
        made("librispeech", tmp_path / "corpus", tmp_path, cache)


def test_a_list_that_is_missing_is_one_line(sound, tmp_path, cache):
    """Lhotse's recipe has no name for it: UnboundLocalError."""
    write(tmp_path / "speech_commands_v0.02" / "yes" / "f1_nohash_0.wav", sound("one", "f1"))
    with pytest.raises(CorpusError, match=r"not laid out like speechcommands \(UnboundLocalError: .*\): each of its "):
        made("speechcommands", tmp_path, tmp_path, cache)
