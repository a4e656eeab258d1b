"""scripts/make_pretrained.py: what is trained on, and what is put into the package."""

import csv
import hashlib
import shutil

import make_pretrained
import pytest

from speech import pretrained


def write(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    header = "path,text,speaker,source,licence"
    path.write_text("\n".join([header, *(",".join([*row, path.parent.name, "CC0-1.0"]) for row in rows)]))


@pytest.fixture
def recordings(tmp_path):
    """A layout of recordings, whose files are not sound: nothing here reads them."""
    root = tmp_path / "recordings"
    write(root / "isolated" / "manifest.csv", ("a.wav", "stop", "ann"))
    write(root / "running" / "manifest.csv", ("b.wav", "of the house", "ben"))
    write(root / "speech" / "tales" / "manifest.csv", ("ben/1.wav", "the house of a friend", "ben"))
    write(
        root / "speech" / "news" / "manifest.csv", ("2.wav", "Alexa's house", "cid"), ("3.wav", "a relaxation", "cid")
    )
    for path in ("tales/ben/1.wav", "news/2.wav", "news/3.wav"):
        (root / "speech" / path).parent.mkdir(exist_ok=True)
        (root / "speech" / path).write_text(path)
    return root


def test_all_sentences_are_listed_but_those_with_a_wake_word(recordings):
    make_pretrained.list_sentences(recordings)
    manifest = recordings / "sentences" / "manifest.csv"
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["text"], row["source"]) for row in rows] == [
        ("a relaxation", "news"),
        ("the house of a friend", "tales"),
    ]
    assert [(manifest.parent / row["path"]).read_text() for row in rows] == ["news/3.wav", "tales/ben/1.wav"]


@pytest.fixture
def runs(tmp_path, recordings, monkeypatch):
    """Both runs' files, in the working folder, and a package to put them into."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pretrained, "FOLDER", shutil.copytree(pretrained.FOLDER, tmp_path / "pretrained"))
    for run in (make_pretrained.RUN, make_pretrained.FINDER):
        run.mkdir(parents=True)
        for name in ("recognizer.pt", "recognizer.int8.onnx"):
            (run / name).write_text(f"{run.name} {name}")
        (run / "model_card.md").write_text(f"# {run.name}\n\n## Limits\n\nMany.\n")
    make_pretrained.list_sentences(recordings)
    return tmp_path


def test_what_is_shipped_is_of_its_run_and_has_its_checksum(runs, recordings):
    before = {path.name: path.read_bytes() for path in pretrained.FOLDER.iterdir() if path.is_file()}
    make_pretrained.ship(recordings)
    found = {name: pretrained.shipped(name).read_bytes() for name in (*make_pretrained.SHIPPED, pretrained.G2P)}
    assert found[pretrained.RECOGNIZER] == b"pretrained recognizer.pt"
    assert found[pretrained.EXPORTED] == b"pretrained recognizer.int8.onnx"
    assert found[pretrained.STREAMING] == b"streaming recognizer.int8.onnx"
    assert found[pretrained.G2P] == before[pretrained.G2P]
    cards = [(pretrained.FOLDER / name).read_text() for name in ("CARD.md", "STREAMING.md")]
    assert cards[0].startswith("# pretrained")
    assert cards[1].startswith("# streaming")
    assert [card.count("| news (sentences) | CC0-1.0 | 1 | 1 |") for card in cards] == [0, 1]
    assert all(card.index("Recordings of people") < card.index("## Limits") for card in cards)
    sums = (pretrained.FOLDER / "SHA256SUMS").read_text()
    assert sums.count("\n") == before["SHA256SUMS"].decode().count("\n")
    assert hashlib.sha256(b"streaming recognizer.int8.onnx").hexdigest() in sums


def test_a_file_that_is_too_large_is_named_and_nothing_is_shipped(runs, recordings):
    largest = make_pretrained.FINDER / "recognizer.int8.onnx"
    largest.write_bytes(bytes(1_500_001))
    before = {path: path.read_bytes() for path in pretrained.FOLDER.iterdir() if path.is_file()}
    with pytest.raises(SystemExit, match=r"streaming/recognizer\.int8\.onnx: 1500001 bytes, over 1500000"):
        make_pretrained.ship(recordings)
    assert {path: path.read_bytes() for path in before} == before
