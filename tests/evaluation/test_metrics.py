import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.evaluation.metrics import KINDS, Prediction, cer, confusions, figures, groups, n_edits, worst_group

TEXTS = st.text("abc", max_size=6)


@given(TEXTS, TEXTS, TEXTS)
def test_edits_are_a_distance(a, b, c):
    assert n_edits(a, a) == 0
    assert n_edits(a, b) == n_edits(b, a)
    assert n_edits(a, c) <= n_edits(a, b) + n_edits(b, c)


def test_cer_counts_all_edits_over_all_letters():
    assert cer([("martin", "marvin"), ("mark", "mark")]) == pytest.approx(1 / 10)
    assert cer([("mark", "")]) == 1


def test_figures_count_letters_and_names_apart():
    heard = [
        Prediction("1", "s", "martin", "martn", [("martin", 0.9), ("mark", 0.1)]),
        Prediction("2", "s", "mark", "mark", [("martin", 0.6), ("mark", 0.4)]),
    ]
    found = figures(heard)
    assert found["n_clips"] == 2
    assert found["exact_match"] == found["closed_set_accuracy"] == 0.5


def clip(id="1", said="martin", first="martin", speaker="espeak:en-GB+m1", **more):
    names = sorted([("martin", 0.1), ("mark", 0.1), ("marvin", 0.1)], key=lambda one: one[0] != first)
    return Prediction(id, speaker, said, said, [(names[0][0], 0.8), *names[1:]], **more)


def test_what_is_not_in_the_list_counts_as_letters_alone():
    heard = [clip("1"), clip("2", said="mark"), clip("3", said="sheila")]
    found = figures(heard)
    assert (found["n_clips"], found["n_listed"], found["closed_set_accuracy"]) == (3, 2, 0.5)
    assert found["exact_match"] == 1
    assert "closed_set_accuracy" not in figures(heard[2:])


def test_each_clip_is_in_one_group_of_each_kind():
    rng = np.random.default_rng(0)
    heard = [
        clip(
            str(i),
            speaker=f"{('espeak:', 'kokoro:', '')[i % 3]}{i % 7}",
            accent=("en-GB", "", "en")[i % 3],
            seconds=rng.uniform(0.2, 1.5),
            snr_db=None if i % 5 == 0 else rng.uniform(-5, 50),
        )
        for i in range(200)
    ]
    found = groups(heard)
    assert tuple(found) == KINDS
    for some in found.values():
        assert sorted(one.id for group in some.values() for one in group) == sorted(one.id for one in heard)
    assert set(found["engine"]) == {"espeak", "kokoro", "person"}
    assert list(found["accent"]) == ["en-GB", "unknown"]
    assert list(found["snr"]) == ["under 10 dB", "10 to 20 dB", "20 to 30 dB", "30 dB and over", "unknown"]
    assert all(10 <= one.snr_db < 20 for one in found["snr"]["10 to 20 dB"])
    assert all(one.seconds >= 1 for one in found["length"]["1 s and over"])


def test_the_worst_group_has_enough_clips_to_be_believed():
    few, many = [clip(str(i), said="mark") for i in range(9)], [clip(str(i)) for i in range(30)]
    some = [clip(str(i), said="mark" if i % 2 else "martin") for i in range(10)]
    found = {"accent": {group: figures(heard) for group, heard in {"few": few, "many": many, "some": some}.items()}}
    worst = worst_group(found)
    assert (worst["kind"], worst["group"], worst["closed_set_accuracy"], worst["n_clips"]) == (
        "accent",
        "some",
        0.5,
        10,
    )
    assert worst_group({"accent": {"few": figures(few)}}) is None
    assert worst_group({"accent": {"unknown": figures(some), "many": figures(many)}})["group"] == "many"


def test_confusions_are_counted_within_the_list():
    heard = [clip("1"), *[clip(str(i), said="mark") for i in range(3)], clip("8", said="martin", first="marvin")]
    heard += [clip(str(i), said="sheila") for i in range(10, 20)]
    assert confusions(heard) == [
        {"said": "mark", "heard": "martin", "n": 3},
        {"said": "martin", "heard": "marvin", "n": 1},
    ]
