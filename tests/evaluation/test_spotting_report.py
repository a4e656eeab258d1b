"""Spotting measured on a recording of test clips: what is told of, planted, and by the recogniser that ships."""

import numpy as np
import pytest
import soxr
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from spoken import speak

from speech.config.tree import CONF
from speech.data.dataset import Clip, ClipDataset
from speech.evaluation import format, spotting
from speech.evaluation.figures import draw
from speech.evaluation.prediction import Prediction
from speech.evaluation.report import evaluate
from speech.inference.listening import Recognised
from speech.inference.transcriber import Transcript

RATE = 16_000
NAMES = ["Jennifer", "Elizabeth", "Robert", "Alexander"]


def dataset(runtime, waveforms):
    """Clips of ``(name, speaker, waveform)``."""
    clips = [
        Clip(str(i), name, speaker, "en-US", (np.clip(sound, -1, 1) * 32_767).astype(np.int16))
        for i, (name, speaker, sound) in enumerate(waveforms)
    ]
    return ClipDataset(clips, runtime.alphabet, RATE)


def tones(runtime, n=3):
    sound = np.full(RATE // 2, 0.1, np.float32)
    return dataset(runtime, [(name, f"s{i}", sound) for name in NAMES for i in range(n)])


def told(place, name, out_of_list, accepted):
    transcript = Transcript("", [(name, 1.0)], [], None, out_of_list, accepted, False)
    return Recognised(place.start_s + 0.1, place.end_s, 0.25, transcript)


def measured(runtime, monkeypatch, tell):
    """The report where listening tells ``tell(placed)``, and the clips as they were placed."""
    strung, kept = spotting._strung, []

    def string(*given):
        recording, placed = strung(*given)
        kept.extend(placed)
        return recording, placed

    monkeypatch.setattr(spotting, "_strung", string)
    monkeypatch.setattr(spotting, "listen", lambda *_: tell(kept))
    return spotting.measure(runtime, [tones(runtime)], 0), kept


def test_what_is_told_of_in_its_place_is_found_and_nothing_is_false(runtime, monkeypatch):
    report, placed = measured(
        runtime, monkeypatch, lambda placed: [told(one, one.name, 0.1, True) for one in placed if one.name]
    )
    assert (report.n_names, report.n_listed, report.n_others, report.n_listed_speakers) == (2, 6, 6, 3)
    assert (report.recall.value, report.false_alarms_per_hour.value) == (1, 0)
    assert report.false_alarms_per_hour.high == pytest.approx(3.69 / report.hours)
    assert (report.latency_ms, report.latency_95_ms) == (250, 250)
    pauses = np.diff([one.start_s for one in placed]) - 0.5
    assert spotting.PAUSE_S[0] - 0.001 <= pauses.min() <= pauses.max() <= spotting.PAUSE_S[1] + 0.001
    assert report.hours == pytest.approx((placed[-1].end_s + spotting.PAUSE_S[1]) / 3600)


def test_another_name_another_place_and_a_second_time_are_false_alarms(runtime, monkeypatch):
    def tell(placed):
        first, second = [one for one in placed if one.name][:2]
        (other,) = [one for one in placed if not one.name][:1]
        wrong = next(one.name for one in placed if one.name and one.name != second.name)
        return [
            *[told(first, first.name, 0.1, True)] * 2,
            told(second, wrong, 0.1, True),
            told(other, wrong, 0.1, True),
        ]

    report, _ = measured(runtime, monkeypatch, tell)
    assert report.recall.value == pytest.approx(1 / 6)
    assert report.false_alarms_per_hour.value == pytest.approx(3 / report.hours)
    assert report.false_alarms_per_hour.low < 3 / report.hours < report.false_alarms_per_hour.high


@given(st.lists(st.floats(0.001, 0.999), min_size=12, max_size=12), st.lists(st.booleans(), min_size=12, max_size=12))
@settings(max_examples=12)
def test_the_curve_passes_through_what_is_measured(runtime, scores, confirmed):
    """Of clips each told of as some name with a score; what the likelihood ratio confirmed is accepted at all."""
    limit = runtime.rejection.threshold

    def tell(placed):
        return [
            told(one, one.name or "jennifer", score, score < limit or yes)
            for one, score, yes in zip(placed, scores, confirmed, strict=True)
        ]

    with pytest.MonkeyPatch.context() as patched:
        report, placed = measured(runtime, patched, tell)
    curve = report.curve
    for t, alarms, misses in zip(curve.threshold, curve.false_alarms_per_hour, curve.miss_rate, strict=True):
        accepted = [
            (score < t or (yes and score >= limit and t > 0), bool(one.name))
            for one, score, yes in zip(placed, scores, confirmed, strict=True)
        ]
        assert misses == pytest.approx(sum(not yes for yes, name in accepted if name) / 6)
        assert alarms == pytest.approx(sum(yes for yes, name in accepted if not name) / report.hours)
    at = np.searchsorted(curve.threshold, limit)  # the first threshold at or above the one in use
    passed = [i for i in (at - 1, at) if 0 <= i < len(curve.threshold)]
    assert any(curve.miss_rate[i] == pytest.approx(1 - report.recall.value) for i in passed)


def test_without_a_rejection_or_a_second_name_there_is_none(runtime, monkeypatch):
    sound = np.full(RATE // 2, 0.1, np.float32)
    assert spotting.measure(runtime, [dataset(runtime, [("Jennifer", "s", sound)] * 3)], 0) is None
    monkeypatch.setattr(runtime, "rejection", None)
    assert spotting.measure(runtime, [tones(runtime)], 0) is None


def test_the_recogniser_that_ships_finds_names_and_hears_none_in_noise(runtime):
    def say(text, variant):
        waveform, rate = speak(text, variant)
        return soxr.resample(waveform.astype(np.float32), rate, RATE)

    spoken = [(name, variant, say(name, variant)) for name in NAMES for variant in ("m3", "f2")]
    report = spotting.measure(runtime, [dataset(runtime, spoken)], 0)
    assert report.recall.value >= 0.75
    assert report.false_alarms_per_hour.value * report.hours <= 1
    assert 0 < report.latency_ms <= report.latency_95_ms
    noise = np.random.default_rng(0).normal(0, 1e-4, (8, RATE))
    silent = dataset(runtime, [(name, "s", one) for name, one in zip(NAMES * 2, noise, strict=True)])
    report = spotting.measure(runtime, [silent], 0)
    assert (report.recall.value, report.false_alarms_per_hour.value) == (0, 0)


def test_it_is_told_in_words_and_drawn(runtime, monkeypatch):
    report, _ = measured(
        runtime, monkeypatch, lambda placed: [told(one, "jennifer", i / 12, i < 3) for i, one in enumerate(placed)]
    )
    shown = format.spotting(report)
    assert f"{report.n_others} other clips: {report.false_alarms_per_hour.value:.1f} [" in shown
    assert format.percent(report.recall) in shown
    found = evaluate({"test": [Prediction("0", "s", "mark", "mark", [("mark", 1.0)])]}, spotting=report)
    (axes,) = [one for one in draw(found).axes if one.get_title().startswith("DET of spotting")]
    assert axes.get_xscale() == "log"
    curve, point = axes.lines
    assert len(curve.get_xdata()) == len(report.curve.threshold)
    assert point.get_xdata()[0] == pytest.approx(report.false_alarms_per_hour.value)


def test_false_alarms_are_let_pass_as_listen_and_spot_do():
    for command in ("listen", "spot"):
        config = yaml.safe_load((CONF / f"{command}.yaml").read_text())
        assert config["false_alarms_per_hour"] == spotting.FALSE_ALARMS_PER_HOUR
