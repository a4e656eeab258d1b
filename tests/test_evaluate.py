import json
import re
import shutil

import pytest
from commands import run_command
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from speech.evaluation.report import RunReport


@pytest.fixture
def evaluate(cache, tmp_path):
    """The command with these arguments; returns the figures that it writes."""

    def run(*arguments):
        run_command("evaluate", *arguments, f"cache_dir={cache}", f"output={tmp_path / 'figures.json'}")
        return json.loads((tmp_path / "figures.json").read_text())

    return run


@pytest.fixture
def people(recordings):
    """A corpus of two digits by five speakers, twice each."""
    return ["corpus=folder", f"corpus.root={recordings}", "split=all"]


def test_without_a_corpus_its_own_test_clips_are_evaluated(small_run, evaluate, tmp_path, capsys):
    log, alone = tmp_path / "log", tmp_path / "alone.pt"
    found = evaluate(f"recognizer={small_run}", f"tensorboard={log}")
    report = RunReport.read(small_run / "report.json").to_json()
    assert {key: found[key] for key in ("schema", "overall", "splits")} == {
        key: report[key] for key in ("schema", "overall", "splits")
    }
    printed = capsys.readouterr().out
    for kind in ("name", "speaker", "accent", "duration"):
        assert re.search(rf"^{kind} +clips +speakers +closed-set accuracy %", printed, re.MULTILINE), kind
    events = EventAccumulator(str(log))
    events.Reload()
    assert events.Tags()["images"] == ["evaluation"]
    shutil.copy(small_run / "recognizer.pt", alone)
    with pytest.raises(SystemExit):
        evaluate(f"recognizer={alone}")
    assert "alone.pt: no config.yaml beside it, so its corpus is unknown" in capsys.readouterr().err


def test_what_ships_is_evaluated_on_recordings(evaluate, people, capsys):
    found = evaluate("recognizer=shipped", *people)
    assert found["overall"]["n_clips"] == 20
    assert "speech/pretrained/recognizer.pt" in capsys.readouterr().out


def test_a_corpus_that_is_evaluated_whole_is_no_split_of_a_training(small_run, evaluate, people, capsys):
    whole = ["corpus.val_speakers=0", "corpus.test_speakers=0"]
    found = evaluate(f"recognizer={small_run}", *people, *whole, f"against={small_run}")
    assert list(found["splits"]) == ["all"]
    assert "split train" not in capsys.readouterr().out


def test_clips_of_names_that_are_not_given_are_out_of_the_list(small_run, evaluate, people, tmp_path, capsys):
    picture = tmp_path / "figures.png"
    found = evaluate(f"recognizer={small_run}", *people, "names=[One,Martin]", f"picture={picture}")
    assert (found["overall"]["n_clips"], found["overall"]["n_in_list"]) == (20, 10)
    assert found["names"]["two"]["closed_set_accuracy"] is None
    assert (found["open_set"]["n_in_list"], found["open_set"]["n_out_of_list"]) == (10, 10)
    assert found["open_set"]["operating_point"]["false_accept_rate"]["value"] <= 0.05
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert found["narrow_band"] == {"n_clips": 20, "rates_hz": [8_000]}
    told = "Narrow band: 20 of 20 clips were recorded at 8000 Hz: they lack the sounds above 4 kHz"
    assert capsys.readouterr().out.count(told) == 1


def test_against_itself_on_one_corpus_there_is_no_difference(small_run, evaluate, people, monkeypatch, capsys):
    from speech.training import evaluation

    built = []
    make_data = evaluation.make_data
    monkeypatch.setattr(evaluation, "make_data", lambda *some: built.append(make_data(*some)) or built[-1])
    found = evaluate(f"recognizer={small_run}", *people, f"against={small_run}")
    assert len(built) == 1, "the alphabet and the rate are the same"
    seen = found["overall"]["seen_in_training"]
    assert seen == {"speaker": "unseen", "accent": "unknown", "engine": "unseen"}, (
        "people, and it knows synthetic voices"
    )
    assert set(found["groups"]["engine"]) == {"person"}
    assert set(found["groups"]["speaker"]) == {"f1", "f2", "m1", "m2", "m3"}
    assert found["against"]["overall"]["cer"] == {"value": 0, "low": 0, "high": 0}
    assert "difference, points" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("split", "there"),
    [("test", ["unseen_speakers", "unseen_accent"]), ("val", ["val"]), ("unseen_accent", ["unseen_accent"])],
)
def test_a_split_is_named_or_test_is_all_that_did_not_train(small_run, evaluate, split, there):
    found = evaluate(f"recognizer={small_run}", f"split={split}")
    assert [name for name in found["splits"] if name != "featured"] == there


def test_a_misspelt_split_is_told_before_a_clip_is_made(small_run, evaluate, monkeypatch, capsys):
    monkeypatch.setattr("speech.training.evaluation.make_data", lambda *_: pytest.fail("the corpus was built first"))
    with pytest.raises(SystemExit):
        evaluate(f"recognizer={small_run}", "split=tset")
    assert "split=tset: the corpus has train, val, unseen_speakers, unseen_accent; or give" in capsys.readouterr().err


def test_a_name_that_cannot_be_written_is_told_before_a_clip_is_made(small_run, evaluate, monkeypatch, capsys):
    monkeypatch.setattr("speech.training.evaluation.make_data", lambda *_: pytest.fail("the corpus was built first"))
    with pytest.raises(SystemExit):
        evaluate(f"recognizer={small_run}", "names=[Anna,N4,Анна]")
    assert [line[:11] for line in capsys.readouterr().err.splitlines()] == ["error: name", "names[2]: t"]


def test_an_exported_file_is_refused(small_export, evaluate, capsys):
    with pytest.raises(SystemExit):
        evaluate(f"recognizer={small_export / 'recognizer.onnx'}")
    assert "recognizer.onnx: evaluate runs in batches, with torch" in capsys.readouterr().err
