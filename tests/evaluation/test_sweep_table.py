import json

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from speech.evaluation.report import RunReport
from speech.evaluation.sweep import Job, differing, read, summarise

CONFIG = {"seed": 0, "optimizer": {"_target_": "AdamW", "lr": 0.001}, "corpus": {"names": ["Anna"]}, "run_dir": "${x}"}


@pytest.fixture
def swept(tmp_path, small_run):
    """The folder of a sweep of eleven jobs, of which the tenth has not ended."""
    report = RunReport.read(small_run / "report.json")
    for number in range(11):
        folder = tmp_path / "sweep" / str(number)
        folder.mkdir(parents=True)
        config = CONFIG | {"optimizer": CONFIG["optimizer"] | {"lr": 0.001 * (number + 1)}}
        Job(config, None if number == 9 else 0.5 - number / 100).write(folder)
        if number != 9:
            report.write(folder / "report.json")
    return tmp_path / "sweep"


def test_what_differs_is_told_by_option():
    other = {"seed": 0, "optimizer": {"_target_": "AdamW", "lr": 0.002}, "corpus": {"names": ["Anna", "Bob"]}, "x": 1}
    assert differing([CONFIG, other]) == {
        "optimizer.lr": [0.001, 0.002],
        "corpus.names": [["Anna"], ["Anna", "Bob"]],
        "run_dir": ["${x}", None],
        "x": [None, 1],
    }
    assert differing([CONFIG, CONFIG]) == {}


def test_a_row_is_a_job_with_what_differs_and_its_figures_with_intervals(swept, small_run):
    cer = RunReport.read(small_run / "report.json").evaluation.overall.cer
    lines = summarise(swept).splitlines()
    table = [line for line in lines if line[:1].isdigit()][:11]
    assert [line.split()[0] for line in table] == [str(number) for number in range(11)], "10 comes after 9"
    assert [float(line.split()[1]) for line in table] == pytest.approx([0.001 * (n + 1) for n in range(11)])
    assert f"{100 * cer.value:.2f} [{100 * cer.low:.1f}, {100 * cer.high:.1f}]" in table[0]
    assert table[9].split()[2:] == ["-"] * 5
    assert lines[1].split()[:4] == ["job", "optimizer.lr", "validation", "CER"]
    assert "lowest validation CER: job 10" in lines

    jobs = json.loads((swept / "sweep.json").read_text())["jobs"]
    assert jobs[3]["differs"] == {"optimizer.lr": 0.004}
    assert jobs[3]["metrics"]["cer"] == {"value": cer.value, "low": cer.low, "high": cer.high}
    assert jobs[9] == {
        "job": "9",
        "differs": {"optimizer.lr": 0.01},
        "val_cer": None,
        "train_seconds": None,
        "metrics": {},
    }


def test_tensorboards_hparams_are_what_differs_alone(swept):
    for _ in range(2):  # a sweep that went on has no row twice
        summarise(swept)
    places = sorted(path for path in (swept / "hparams").iterdir() if path.is_dir())
    assert {path.name for path in places} == {str(number) for number in range(11)} - {"9"}
    for place in places:
        (file,) = place.iterdir()
        events = EventAccumulator(str(file)).Reload()
        content = events.PluginTagToContent("hparams")
        given = HParamsPluginData.FromString(content["_hparams_/session_start_info"]).session_start_info.hparams
        assert {key: value.number_value for key, value in given.items()} == {
            "optimizer.lr": pytest.approx(0.001 * (int(place.name) + 1))
        }
        assert {"final/cer", "final/cer/low", "final/cer/high", "val/cer"} <= set(events.Tags()["scalars"])


def test_a_sweep_without_a_job_has_no_table(tmp_path):
    assert summarise(tmp_path / "none") == ""


def test_a_damaged_job_is_named(swept):
    (swept / "2" / "job.json").write_text('{"config": 3, "val_cer": 0.1}')
    with pytest.raises(ValueError, match=r"2/job\.json: not written by this version"):
        read(swept)
