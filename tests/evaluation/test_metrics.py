import numpy as np
import pytest

from speech.evaluation.groups import KINDS, groups, worst, worst_group
from speech.evaluation.metrics import Confusion, confusions, scores
from speech.evaluation.prediction import Prediction


def clip(id="1", ref="martin", first="martin", speaker="espeak:en-GB+m1", **more):
    names = sorted([("martin", 0.1), ("mark", 0.1), ("marvin", 0.1)], key=lambda one: one[0] != first)
    return Prediction(id, speaker, ref, ref, [(names[0][0], 0.8), *names[1:]], **more)


def test_exact_match_is_of_letters_and_accuracy_of_names():
    found = scores([clip("1")._replace(hyp="martn"), clip("2", ref="mark")])
    assert (found.n_clips, found.n_speakers) == (2, 1)
    assert found.exact_match.value == found.closed_set_accuracy.value == 0.5
    assert found.cer.value == pytest.approx(1 / 10), "of all edits over all letters"
    assert scores([clip(ref="mark")._replace(hyp="")]).cer.value == 1
    for metric in (found.exact_match, found.closed_set_accuracy, found.cer):
        assert metric.low <= metric.value <= metric.high


def test_names_out_of_the_list_do_not_count_in_the_accuracy():
    found = scores([clip("1"), clip("2", ref="mark"), clip("3", ref="sheila")])
    assert (found.n_clips, found.n_in_list, found.closed_set_accuracy.value) == (3, 2, 0.5)
    assert found.exact_match.value == 1
    assert scores([clip(ref="sheila")]).closed_set_accuracy is None


def test_each_clip_is_in_one_group_of_each_kind():
    rng = np.random.default_rng(0)
    predictions = [
        clip(
            str(i),
            speaker=f"{('espeak:', 'kokoro:', '')[i % 3]}{i % 7}",
            accent=("en-GB", "", "en")[i % 3],
            duration_s=rng.uniform(0.2, 1.5),
            snr_db=None if i % 5 == 0 else rng.uniform(-5, 50),
        )
        for i in range(200)
    ]
    found = groups(predictions)
    assert tuple(found) == KINDS
    for some in found.values():
        assert sorted(one.id for group in some.values() for one in group) == sorted(one.id for one in predictions)
    assert set(found["engine"]) == {"espeak", "kokoro", "person"}
    assert list(found["accent"]) == ["en-GB", "unknown"]
    assert list(found["snr"]) == ["under 10 dB", "10 to 20 dB", "20 to 30 dB", "30 dB and over", "unknown"]
    assert all(10 <= one.snr_db < 20 for one in found["snr"]["10 to 20 dB"])
    assert all(one.duration_s >= 1 for one in found["duration"]["1 s and over"])


def test_the_worst_group_has_enough_clips_to_be_believed():
    few, many = [clip(str(i), ref="mark") for i in range(9)], [clip(str(i)) for i in range(30)]
    half = [clip(str(i), ref="mark" if i % 2 else "martin") for i in range(10)]
    found = {group: scores(some) for group, some in {"few": few, "many": many, "half": half}.items()}
    lowest = worst_group({"accent": found})
    assert (lowest.kind, lowest.group, lowest.scores) == ("accent", "half", found["half"])
    assert list(worst(found, 2)) == ["few", "half"]
    assert worst_group({"accent": {"few": found["few"]}}) is None
    assert worst_group({"accent": {"unknown": found["half"], "many": found["many"]}}).group == "many"


def test_confusions_are_counted_within_the_list():
    some = [clip("1"), *[clip(str(i), ref="mark") for i in range(3)], clip("8", ref="martin", first="marvin")]
    some += [clip(str(i), ref="sheila") for i in range(10, 20)]
    assert confusions(some) == [Confusion("mark", "martin", 3), Confusion("martin", "marvin", 1)]
