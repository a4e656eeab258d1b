"""``python -m speech.confusable``: what it prints. The pairs: tests/text; a recogniser's confusion: tests/inference."""

import json

import pytest
from commands import run_command


@pytest.fixture
def confusable(capsys):
    return lambda *arguments: run_command("confusable", *arguments) or capsys.readouterr().out


def test_without_a_recogniser_pairs_are_ranked_by_distance(confusable, tmp_path):
    names = "names=[Martin,Morton,Mark,Lori,Laurie,Christopher]"
    out = confusable(names, f"runs_dir={tmp_path}", "recognizer=newest", "n_pairs=3")
    assert out.startswith("Lori and Laurie ")
    assert "3 of 15 pairs; no confusion by a recogniser: recognizer=newest: no recognizer.pt under" in out
    assert "no confusion by a recogniser: recognizer=null" in confusable(names, "recognizer=null")


def test_with_a_run_its_confusion_stands_beside_the_distance(confusable, small_run):
    given = ["names=[Martin,Mark,Morton]", f"recognizer={small_run}", "n_voices=2"]
    assert "2 voices that it did not train with" in confusable(*given)
    lines = list(map(json.loads, confusable(*given, "json=true").splitlines()))
    assert [line["distance"] for line in lines] == sorted(line["distance"] for line in lines)
    assert all(0 <= line["confusion"] <= 1 for line in lines)


def test_without_a_word_it_is_the_recogniser_that_ships(confusable, tmp_path):
    out = confusable("names=[Martin,Christopher]", "n_voices=1", f"runs_dir={tmp_path}")
    assert "pretrained/recognizer.int8.onnx, 1 voice of espeak" in out


def test_a_recogniser_that_is_not_there_is_named(confusable, capsys):
    with pytest.raises(SystemExit, match="2"):
        confusable("names=[Martin,Mark]", "recognizer=gone")
    assert "error: recognizer=gone: no such file or folder" in capsys.readouterr().err


def test_each_name_has_its_pronunciations_and_their_probabilities(confusable):
    out = confusable("names=[Mateusz,Martin]", "recognizer=null")
    (line,) = [line for line in out.splitlines() if line.startswith("Mateusz ")]
    assert "/matɛuʃ/ 0." in line
    (pair,) = map(json.loads, confusable("names=[Mateusz,Martin]", "recognizer=null", "json=true").splitlines())
    for ways in pair["pronunciations"].values():
        assert 0.9 < sum(probability for _, probability in ways) <= 1.001
