import json
import shutil
import warnings
from collections import Counter

import numpy as np
import pytest

from speech.audio import files
from speech.data.recordings import Folder, Manifest, split_speakers
from speech.data.source import CorpusError
from speech.data.synthetic import Synthetic
from speech.text.alphabet import Alphabet
from speech.tts.espeak import Espeak
from speech.tts.mix import Mix
from speech.tts.voice import Voice

ALPHABET = Alphabet()
NOISE = np.random.default_rng(0).normal(size=8_000).astype(np.float32) * 0.1


def synthetic(names=("Martin", "Chloé"), engine=None, **changed):
    few = {"test_accent": "en-GB-x-lancs", "n_train": 6, "n_val": 2, "n_test": 3} | changed
    return Synthetic(list(names), engine or Espeak(), **few)


def test_no_voice_or_throat_is_in_two_splits_and_the_test_accent_is_in_one():
    splits = synthetic(n_train=400, n_val=100, n_test=100).split_voices()
    variants = {split: {voice.variant for voice in voices} for split, voices in splits.items()}
    assert not variants["train"] & variants["val"]
    assert not (variants["train"] | variants["val"]) & (variants["test_voices"] | variants["test_accent"])
    for split, voices in splits.items():
        accents = {voice.accent for voice in voices}
        assert accents == {"en-GB-x-lancs"} if split == "test_accent" else "en-GB-x-lancs" not in accents


def test_each_name_is_said_by_each_voice_under_an_id_of_its_own():
    items, refused = synthetic(n_train=12).items(ALPHABET)
    assert not refused
    assert len({item.id for item in items}) == len(items) == 2 * (12 + 2 + 3 + 3)
    training = [item.speaker for item in items if item.split == "train"]
    assert len(set(training)) == len(training), "each training clip has a variant of its own"
    assert not any(item.voice.shift_seed for item in items if item.split != "train")


def test_voices_begin_anew_where_more_clips_are_asked_than_there_are():
    n_voices = len(synthetic().split_voices()["train"])
    items, _ = synthetic(names=["Martin"], n_train=n_voices + 5).items(ALPHABET)
    training = Counter((item.voice.accent, item.voice.variant) for item in items if item.split == "train")
    assert sorted(training.values()) == [1] * (n_voices - 5) + [2] * 5
    assert len({item.id for item in items}) == len(items)


def test_another_name_changes_no_other_names_clips():
    items, more = synthetic().items(ALPHABET)[0], synthetic(names=["Anna", "Martin", "Chloé"]).items(ALPHABET)[0]
    assert items == [item for item in more if item.text != "Anna"]


def test_held_words_are_heard_in_every_split_but_training_and_are_no_names_to_choose_from():
    source = synthetic(names=["Anna"], words=["bread", "Anna", "stone", "river"], n_held=1, n_train_words=4)
    items, _ = source.items(ALPHABET)
    assert source.names == ["Anna"]
    said = {split: Counter(item.text for item in items if item.split == split) for split in ("train", "val")}
    assert said == {"train": {"Anna": 6, "stone": 4, "river": 4}, "val": {"Anna": 2, "bread": 2}}


def test_each_clip_says_its_name_in_one_of_the_ways_that_are_given():
    ways = ["shivawn", "/ʃɪˈvɔːn/"]
    items, _ = synthetic(names=["Martin", {"text": "Siobhan", "say": ways}], n_train=30).items(ALPHABET)
    said = Counter((item.text, item.say) for item in items if item.split == "train")
    assert set(said) == {("Martin", "Martin"), ("Siobhan", ways[0]), ("Siobhan", ways[1])}
    assert min(said.values()) > 5
    with pytest.raises(ValueError, match=r"'ʂ', character 1"):
        synthetic(names=[{"text": "Sz", "say": "/ʂ/"}])


def test_two_names_that_are_said_alike_are_warned_of_and_a_pronunciation_can_part_them():
    with pytest.warns(UserWarning, match=r"Lori and Laurie are said alike \(en-GB: lˈɔːɹi\)"):
        synthetic(names=["Lori", "Mark", "Laurie"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        synthetic(names=["Lori", "Mark", {"text": "Laurie", "say": "/ˈlaʊɹi/"}])


class Bells:
    """A second engine, real but small: tones, three voices of one accent."""

    identity = "bells"

    def voices(self):
        return [Voice("bells", "en-US", name) for name in "abc"]

    def speak(self, text, voice, rng):
        return np.sin(np.arange(8_000) * (0.1 + rng.random())).astype(np.float32), 16_000


def test_a_mix_is_heard_by_weight_however_many_clips_each_engine_makes():
    mix = Mix({"espeak": Espeak(), "bells": Bells()}, {"espeak": 1, "bells": 3})
    few = {"n_train": {"espeak": 8, "bells": 2}, "n_val_variants": 1, "n_test_variants": {"espeak": 2, "bells": 1}}
    items, _ = synthetic(engine=mix, **few).items(ALPHABET)
    assert len({item.voice.engine for item in items if item.split == "test_voices"}) == 2
    training = [item for item in items if item.split == "train"]
    heard = {name: sum(item.weight for item in training if item.voice.engine == name) for name in mix.engines}
    assert heard["bells"] == pytest.approx(3 * heard["espeak"])
    assert sum(heard.values()) == pytest.approx(len(training)), "an epoch is as long as there are clips"
    assert {item.weight for item in items if item.split != "train"} == {1.0}


def test_an_engine_of_a_mix_that_would_never_be_heard_is_named():
    mix = Mix({"espeak": Espeak(), "bells": Bells()}, {"espeak": 1, "bells": 3})
    few = {"n_train": {"espeak": 8}, "n_val_variants": 1, "n_test_variants": {"espeak": 2, "bells": 1}}
    with pytest.raises(CorpusError, match=r"bells has a weight in voices\.weights, and no clip of training"):
        synthetic(engine=mix, **few).items(ALPHABET)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"names": []}, "list of names is empty"),
        ({"names": ["Zoe", "Zoë"]}, "'Zoe' and 'Zoë' are both 'zoe'"),
        ({"names": ["R2D2"]}, "'R2D2'"),
        ({"test_accent": "en-XX"}, "test_accent='en-XX' is not one of"),
        ({"n_test_variants": 500}, "leaves none"),
    ],
)
def test_a_list_that_cannot_be_a_corpus_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        synthetic(**changed).items(ALPHABET)


def test_names_come_from_a_text_file(tmp_path):
    (tmp_path / "names.txt").write_text("Anna\n\nBob \n", encoding="utf-8")
    few = {"test_accent": "en-US", "n_train": 1, "n_val": 1, "n_test": 1}
    assert Synthetic(str(tmp_path / "names.txt"), Espeak(), **few).names == ["Anna", "Bob"]
    with pytest.raises(ValueError, match=r"missing\.txt: not a readable text file"):
        Synthetic(str(tmp_path / "missing.txt"), Espeak(), **few)


@pytest.fixture
def recordings(tmp_path):
    for name in ("Anna", "Bob"):
        for speaker in ("ann", "ben", "cid", "dan"):
            path = tmp_path / "root" / name / f"{speaker}_0.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            files.write(path, NOISE, 16_000)
    return tmp_path / "root"


def test_a_folder_is_split_by_speaker(recordings):
    items, refused = Folder(str(recordings)).items(ALPHABET)
    assert not refused
    speakers = {split: {i.speaker for i in items if i.split == split} for split in ("train", "val", "test")}
    assert [len(speakers[split]) for split in ("train", "val", "test")] == [1, 1, 2]
    assert set.union(*speakers.values()) == {"ann", "ben", "cid", "dan"}
    assert {item.text for item in items} == {"Anna", "Bob"}


def test_a_changed_recording_is_another_item(recordings):
    before, _ = Folder(str(recordings)).items(ALPHABET)
    files.write(recordings / "Anna" / "ann_0.wav", NOISE[:4_000], 16_000)
    after, _ = Folder(str(recordings)).items(ALPHABET)
    assert [a == b for a, b in zip(before, after, strict=True)].count(False) == 1


def test_folders_that_cannot_be_names_are_listed_and_the_rest_is_kept(recordings):
    shutil.copytree(recordings / "Anna", recordings / "R2D2")
    items, refused = Folder(str(recordings)).items(ALPHABET)
    assert len(items) == 8
    assert len(refused) == 4
    assert "R2D2" in refused[0].reason


def test_too_few_speakers_and_missing_folders_are_explained(recordings):
    with pytest.raises(CorpusError, match=r"2 speakers \(a, b\) cannot be split"):
        split_speakers({"a", "b"}, {"test": 2, "val": 1}, seed=0)
    with pytest.raises(CorpusError, match=r"corpus\.root=.*no such folder"):
        Folder(str(recordings / "nowhere"))


def write_manifest(path, rows):
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines), encoding="utf-8")


def test_a_manifest_gives_its_recordings_and_each_wrong_line_its_number(recordings):
    good = [{"path": f"Anna/{s}_0.wav", "text": "Anna", "speaker": s, "accent": "en-GB"} for s in ("ann", "ben", "cid")]
    wrong = ["{not json", {"path": "Anna/dan_0.wav", "text": "", "speaker": "dan"}, [1, 2]]
    wrong += [{"path": "gone.wav", "text": "Anna", "speaker": "x"}]
    wrong += [{"path": "Anna/dan_0.wav", "text": "R2D2", "speaker": "dan"}]
    write_manifest(recordings / "clips.jsonl", [*good, *wrong])
    items, refused = Manifest(str(recordings / "clips.jsonl"), test_speakers=1).items(ALPHABET)
    assert [item.accent for item in items] == ["en-GB"] * 3
    for number, word in enumerate(["not JSON", "text is missing", "not an object", "no such file", "'2'"]):
        assert f"clips.jsonl:{number + 4}: " in refused[number].reason
        assert word in refused[number].reason


def test_a_csv_manifest_needs_its_header(recordings):
    rows = ["path,text,speaker", *(f"Bob/{s}_0.wav,Bob,{s}" for s in ("ann", "ben", "cid"))]
    write_manifest(recordings / "clips.csv", rows)
    items, refused = Manifest(str(recordings / "clips.csv"), test_speakers=1).items(ALPHABET)
    assert len(items) == 3
    assert not refused
    write_manifest(recordings / "more.csv", [*rows, "Bob/dan_0.wav,Bob, Junior,dan"])
    _, (more,) = Manifest(str(recordings / "more.csv"), test_speakers=1).items(ALPHABET)
    assert "more.csv:5: more columns" in more.reason
    write_manifest(recordings / "bad.csv", ["file,text,speaker", "a.wav,Bob,x"])
    with pytest.raises(CorpusError, match=r"bad\.csv:1: the header has no path"):
        Manifest(str(recordings / "bad.csv")).items(ALPHABET)


def test_a_manifest_in_another_encoding_or_without_a_line_is_told_by_its_path(recordings):
    latin, empty = recordings / "latin.csv", recordings / "empty.csv"
    latin.write_bytes("path,text,speaker\nAnna/ann_0.wav,Chloé,ann\n".encode("latin-1"))
    empty.write_text("path,text,speaker\n", encoding="utf-8")
    for path, reason in ((latin, "not text in UTF-8"), (empty, "no line of path")):
        with pytest.raises(CorpusError, match=rf"{path.name}.*{reason}"):
            Manifest(str(path)).items(ALPHABET)


def test_a_folder_without_a_recording_is_told_by_its_path(tmp_path):
    (tmp_path / "Anna").mkdir()
    with pytest.raises(CorpusError, match=rf"corpus.root={tmp_path} has no folder of a name"):
        Folder(str(tmp_path)).items(ALPHABET)
