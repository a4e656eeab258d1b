import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.data.source import Refusal
from speech.evaluation import text
from speech.evaluation.calibration import CalibrationReport, NotCalibrated, ReliabilityBin
from speech.evaluation.card import model_card
from speech.evaluation.comparison import compare
from speech.evaluation.figures import caption, draw
from speech.evaluation.metrics import Metric
from speech.evaluation.prediction import Prediction
from speech.evaluation.report import SCHEMA, Environment, NarrowBand, Ranking, RunReport, TrainedOn, evaluate
from speech.evaluation.spotting import SpottingCurve, SpottingReport
from speech.inference.rejection import EVIDENCE, Rejection

NAMES = ("martin", "mark", "anna")
FEATURED = ["Marvin", "Martin", "Mark", "Ωmega"]


def predictions(n=30, accuracy=0.5, **more):
    """Every third clip is of a name out of the list; some are right."""
    return [
        Prediction(
            str(i),
            f"espeak:en-GB+{i % 4}",
            NAMES[i % 3],
            NAMES[i % 3] if i / n < accuracy else "mark",
            [("martin", 0.9), ("mark", 0.1)] if i % 2 else [("mark", 0.6), ("martin", 0.4)],
            accent="en-GB",
            out_of_list=0.1 + 0.4 * (i % 3 == 2),
            **more,
        )
        for i in range(n)
    ]


REJECTION = Rejection([0.0] * (1 + len(EVIDENCE)), {"0.05": 0.4}, "0.05", 0.9)
CALIBRATION = CalibrationReport(
    n_names=12,
    n_clips=90,
    n_speakers=9,
    n_trials=300,
    weights={"bias": 0.5},
    false_accept_rate="0.05",
    thresholds={"0.05": 0.944},
    rejected_from=0.96,
    accepted={"0.05": {"names in the list": 1.0, "other names": 0.059}},
    rejected={"names in the list": 0.0, "other names": 0.9},
    expected_calibration_error=0.0123,
    reliability=[ReliabilityBin(300, 1.0, 0.5, 0.5)],
)


SPOTTING = SpottingReport(
    n_names=2,
    n_listed=20,
    n_listed_speakers=4,
    n_others=10,
    hours=0.02,
    recall=Metric(0.9, 0.7, 0.97),
    false_alarms_per_hour=Metric(50.0, 0.0, 120.5),
    latency_ms=250.0,
    latency_95_ms=300.0,
    curve=SpottingCurve([0.0, 0.4, 0.9], [0.0, 50.0, 150.0], [1.0, 0.1, 0.05]),
)


def run_report(calibration=CALIBRATION, fine_tuned=False):
    splits, before = ({"unseen_speakers": predictions(accuracy=part)} for part in (0.9, 0.4))
    return RunReport(
        n_parameters=7,
        train_seconds=61.5,
        epochs=3,
        steps=9,
        unlearnt=None,
        config_sha256="ab",
        corpus="cache/names-1",
        refused=[Refusal("a.wav", "silence")],
        trained_on=TrainedOn(4, ["en-GB"], ["espeak"]),
        ranking=Ranking([0.5, 0.25], None),
        calibration=calibration,
        evaluation=evaluate(splits, None, FEATURED, REJECTION, None if fine_tuned else SPOTTING),
        before=evaluate(before, None, FEATURED) if fine_tuned else None,
        change=compare(splits, before) if fine_tuned else None,
    )


REPORTS = [run_report(), run_report(NotCalibrated("too few clips"), fine_tuned=True)]


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_is_read_back_as_it_was_written(report, tmp_path):
    report.write(tmp_path / "report.json")
    assert RunReport.read(tmp_path / "report.json") == report


def test_report_json_has_a_schema_and_the_metrics_of_each_split():
    content = REPORTS[0].to_json()
    assert (content["schema"], content["train_seconds"]) == (SCHEMA, 61.5)
    for split in ("unseen_speakers", "featured"):
        scores = content["splits"][split]
        assert (scores["n_clips"], scores["n_speakers"]) == ({"unseen_speakers": 30, "featured": 20}[split], 4)
        for metric in ("closed_set_accuracy", "exact_match", "cer"):
            assert set(scores[metric]) == {"value", "low", "high"}
            assert scores[metric]["low"] <= scores[metric]["value"] <= scores[metric]["high"]
    without = evaluate({"test": [one._replace(names=[]) for one in predictions()]})
    assert without.splits["test"].closed_set_accuracy is None


def test_names_are_featured_because_the_caller_says_so():
    report = evaluate({"test": predictions()}, None, FEATURED)
    assert report.featured == ["martin", "mark"], "those that a clip says, in the alphabet"
    assert list(evaluate({"test": predictions()}).splits) == ["test"]
    lines = text.predictions(predictions(), report.featured).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["martin", "mark", "anna"]


@given(st.data())
def test_a_damaged_value_is_refused_by_file_with_the_way_out(tmp_path_factory, data):
    """A value somewhere in the report is of another type."""
    content = place = json.loads(json.dumps(REPORTS[0].to_json()))
    while True:
        key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = [["?"]]
    path = tmp_path_factory.mktemp("report") / "report.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"^{re.escape(str(path))}: .*train again"):
        RunReport.read(path)


def test_recordings_of_a_narrow_band_are_counted_in_every_view():
    rates = (8_000, 11_025, None)
    some = [one._replace(narrow_hz=rates[i % 3]) for i, one in enumerate(predictions())]
    found = evaluate({"test": some})
    assert found.narrow_band == NarrowBand(n_clips=20, rates_hz=[8_000, 11_025])
    told = "Narrow band: 20 of 30 clips were recorded at 8000, 11025 Hz: they lack the sounds above 5.51 kHz"
    assert text.summary(found).count(told) == 1
    assert "Narrow band" not in text.summary(evaluate({"test": predictions()}))


def without(key):
    return json.dumps({name: part for name, part in REPORTS[0].to_json().items() if name != key})


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        (RunReport, None, "missing or incomplete .*resume it"),
        (RunReport, '{"schema": 1, "n_cl', "missing or incomplete .*resume it"),
        (RunReport, "[]", "not what a run writes there.*train again"),
        (RunReport, "{}", "schema None, and this version reads schema 1: train again"),
        (RunReport, '{"schema": 2}', "schema 2, and this version reads schema 1: train again"),
        (RunReport, '{"schema": 1}', "not written by this version .*n_parameters.*missing.* again"),
        (RunReport, without("confusions"), ".*evaluation: confusions missing or unknown.*train again"),
        (RunReport, without("splits"), ".*evaluation: splits missing or unknown.*train again"),
        (Environment, '{"git_commit": null, "python": "3.11", "packages": []}', r".*packages: '\[\]' where .* again"),
    ],
)
def test_what_is_no_report_is_refused_by_name_with_the_way_out(tmp_path, kind, content, message):
    path = tmp_path / "report.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match=f"^{path}: {message}"):
        kind.read(path)


def test_the_summary_says_what_each_number_is():
    lines = text.run(REPORTS[0]).splitlines()
    assert re.fullmatch(r"split +clips  speakers +closed-set accuracy % +exact match % +CER %", lines[0])
    assert re.match(r"unseen_speakers +30 +4 \(few\) +50\.00 \[\d+\.\d, \d+\.\d\] +93\.33 \[", lines[1])
    intervals = "95 % intervals: cluster-robust by speaker, joined with Wilson's; few: under 10 speakers."
    assert lines[3] == f"Clips were ranked in a list of 2 names. {intervals}"
    assert re.match(r"worst group: \w+ .*: closed-set accuracy \d.* % \[.*\] of \d+ clips", lines[5])
    shown = "\n".join(lines)
    assert "confusions (reference > first name, clips): mar" in shown
    assert re.search(
        r"open set: correct-accept rate \d.* of 20 clips in the list by 4 \(few\) speakers at false-accept rate .* of "
        r"10 others by 4 \(few\) speakers",
        shown,
    )
    assert "90 validation clips by 9 (few) speakers; expected calibration error 0.012" in shown
    assert (
        "accept rate at 5 % false-accept rate (FAR), threshold 0.944: names in the list 100.0 %, other names 5.9 %"
    ) in shown
    assert re.search(
        r"^Refusal of 20 clips of listed names by 4 \(few\) speakers, acceptance of 10 others "
        r"\(clips out of the list\) by 4 \(few\) speakers; equal error rate 0\.0 %\.\n"
        r"FAR stated, % +threshold +others accepted % +listed refused %\n"
        r"5 \(shipped\) +0\.400 +0\.00 \[0\.0, [\d.]+\] +0\.00 \[",
        shown,
        re.MULTILINE,
    )
    assert lines[-1] == "7 parameters, trained 62 s, 3 epochs, 9 steps"


def test_one_of_a_kind_is_counted_as_one_in_every_view():
    """A clip in the list and one out of it, by one speaker, at one rate."""
    some = [
        Prediction("1", "espeak:en+a", "martin", "martin", [("martin", 0.9)], out_of_list=0.1),
        Prediction("2", "espeak:en+a", "anna", "anna", [("martin", 0.9)], out_of_list=0.9, narrow_hz=8_000),
    ]
    spotted = replace(SPOTTING, n_names=1, n_listed=1, n_listed_speakers=1, n_others=1)
    found = evaluate({"test": some}, rejection=REJECTION, spotting=spotted)
    calibration = replace(CALIBRATION, n_clips=1, n_speakers=1)
    report = replace(REPORTS[0], epochs=1, steps=1, evaluation=found, calibration=calibration)
    config = {"corpus": {"_target_": "x"}, "seed": 0, "frontend": {"_target_": "x"}, "encoder": {"_target_": "x"}}
    figure = draw(found)
    views = [
        text.run(report),
        text.decisions(some, REJECTION),
        model_card(["Martin"], config, report, Environment(None, "3.11", {}), []),
        caption(found),
        *(label for axes in figure.axes for label in (axes.get_xlabel(), axes.get_ylabel())),
    ]
    shown = "\n".join(views)
    for told in ("by 1 (few) speaker ", "1 of 2 clips was recorded", "1 epoch, 1 step"):
        assert told in shown
    assert not re.findall(r"(?<![\d.])1(?: \(few\))?(?: \w+)? (?:clips|speakers|names|others|epochs|steps)\b", shown)


def test_lists_that_were_dealt_are_said_with_their_length():
    dealt = [one._replace(names=[(one.ref, 0.9), (f"other {i}", 0.1)]) for i, one in enumerate(predictions())]
    assert "Clips were ranked in lists of 2 names, drawn from 33." in text.summary(evaluate({"test": dealt}))


def test_a_fine_tuned_run_shows_before_after_and_the_difference():
    shown = text.run(REPORTS[1])
    assert shown.index("Before fine-tuning:") < shown.index("After:") < shown.index("difference, points")
    assert re.search(r"all +30 +4 \(few\) +\+0\.00 \[\+0\.0, \+0\.0\] +1 +-\d", shown)
    assert "not calibrated: too few clips" in shown


def test_an_evaluation_shows_what_transcribe_decides_and_its_threshold():
    found = [one._replace(out_of_list=i / 30) for i, one in enumerate(predictions())]
    lines = text.decisions(found, Rejection([0, 0, 0, 0], {"0.05": 0.5}, "0.05", 0.8)).splitlines()
    assert lines[0] == "decisions as in transcribe, accepted below 0.500 (5 % FAR in calibration):"
    assert lines[1].startswith("20 clips in the list by 4 (few) speakers: accepted 50.0 %, ")
    assert lines[2].startswith("10 clips out of the list by 4 (few) speakers: accepted 50.0 %, ")
    assert "not calibrated" in text.decisions(found, None)
