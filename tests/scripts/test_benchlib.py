"""scripts/benchlib: what a benchmark prints of a report, of hits and of times."""

import json

import benchmark
import numpy as np
import pytest
from benchlib.figures import show_change, show_proportion
from benchlib.timing import in_turns, ratio, side_by_side


def printed(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_each_metric_of_each_split_is_a_line_with_its_interval(tmp_path, capsys):
    metric = {"value": 0.75, "low": 0.5, "high": 0.875}
    counts = {"n_clips": 8, "n_speakers": 2}
    splits = {
        "unseen_speakers": counts | dict.fromkeys(("closed_set_accuracy", "exact_match", "cer"), metric),
        "open": counts | {"closed_set_accuracy": None, "exact_match": metric, "cer": metric},
    }
    (tmp_path / "report.json").write_text(json.dumps({"schema": 1, "train_seconds": 9.5, "splits": splits}))
    benchmark.accuracy(tmp_path)
    *scores, seconds = printed(capsys)
    assert [one["name"] for one in scores] == [
        *(f"{metric} (unseen_speakers)" for metric in ("closed_set_accuracy", "exact_match", "cer")),
        *(f"{metric} (open)" for metric in ("exact_match", "cer")),
    ]
    assert all((one["value"], one["interval"]) == (0.75, [0.5, 0.875]) for one in scores)
    assert "8 clips, 2 speakers" in scores[0]["than"]
    assert (seconds["value"], seconds["unit"]) == (9.5, "s")


def test_a_proportion_and_a_change_stand_with_their_counts(capsys):
    hits, base = np.array([True, True, True, False]), np.array([True, False, False, False])
    show_proportion("a", hits, ["x", "x", "y", "y"])
    show_proportion("b", hits, ["?"] * 4, "an aim")
    show_change("c", hits, base, ["x", "x", "y", "y"], "the base")
    known, unknown, change = printed(capsys)
    assert (known["value"], known["than"], unknown["than"]) == (0.75, "4 clips, 2 speakers", "an aim; 4 clips")
    assert (change["value"], change["than"]) == (0.5, "the base; paired, 4 clips")
    assert all(one["interval"][0] < one["value"] < one["interval"][1] for one in (known, unknown, change))


def test_times_are_taken_in_turns_and_their_ratio_holds_its_interval():
    calls = []
    actions = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    times = side_by_side(actions, n=3, n_warm=1)
    assert "".join(calls) == "abbaabba"
    assert "".join(in_turns("ab", 3)) == "abbaab"
    assert [len(some) for some in times.values()] == [3, 3]
    factor, (low, high) = ratio(np.array([2.0, 4.0, 6.0]), np.array([1.0, 2.0, 3.0]))
    assert factor == pytest.approx(2)
    assert low <= factor <= high
