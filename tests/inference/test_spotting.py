import itertools
import math

import numpy as np
import pytest
import soxr
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from recognised import accepted, recognised
from spoken import RATE, say

from speech.inference.confirmation import Confirmation
from speech.inference.scoring import LogProbs
from speech.inference.spotting import Search, _columns, _Paths

NAMES = ["Jennifer", "Elizabeth", "Robert", "Alexander", "Susan"]


def every_path(text, n_frames):
    """All CTC paths of ``text`` from its first symbol to its last: the oracle, for a handful of frames."""
    for path in itertools.product(sorted({0, *text}), repeat=n_frames):
        if path[0] == text[0] and path[-1] == text[-1]:
            collapsed = [s for i, s in enumerate(path) if s and (not i or path[i - 1] != s)]
            if collapsed == list(text):
                yield path


@given(st.integers(0, 10_000), st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=3), min_size=1, max_size=3))
@settings(max_examples=30, deadline=None)
def test_the_best_path_is_the_best_of_all_paths(seed, texts):
    local = -np.random.default_rng(seed).exponential(size=(5, 4)).astype(np.float32)
    found = _Paths(_columns(texts))(local)
    fixed = _Paths(_columns(texts))(local, restart=False)
    for i, text in enumerate(texts):
        for last in range(5):
            sums = {
                n: max(
                    (sum(local[last - n + 1 + t, s] for t, s in enumerate(path)) for path in every_path(text, n)),
                    default=-1e9,
                )
                for n in range(1, last + 2)
            }
            for score, expected in ((found[last, i], max(sums.values())), (fixed[last, i], sums[last + 1])):
                assert score == pytest.approx(expected, abs=1e-3) if expected > -1e9 else score < -1e8


def frames(seed, n_frames=60):
    """Of a network of three symbols that is sure of one in most frames."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n_frames, 4)) + 4 * np.eye(4)[rng.choice(4, n_frames, p=[0.5, 0.2, 0.2, 0.1])]
    return LogProbs(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))


def candidates(log_probs, hold_s, cuts=()):
    """Of two texts; with each, how many frames had been fed when it was reported."""
    search = Search([[1, 2, 1], [2, 1]], 0.03, hold_s, lambda some: some.letters)
    told, n_frames = [], 0
    for block in np.split(log_probs.letters, sorted(cuts)):
        n_frames += len(block)
        told += [(one, n_frames) for one in search.feed(LogProbs(block))]
    return told + [(one, n_frames) for one in search.finish()]


@given(st.integers(0, 10_000), st.lists(st.integers(0, 60), max_size=20), st.sampled_from([0.0, 0.15, math.inf]))
@settings(max_examples=15, deadline=None)
def test_any_blocks_give_the_same_candidates(seed, cuts, hold_s):
    log_probs = frames(seed)
    whole, each = candidates(log_probs, hold_s), candidates(log_probs, hold_s, cuts)
    assert [one for one, _ in each] == [one for one, _ in whole]


@given(st.integers(0, 10_000), st.integers(0, 8))
@settings(max_examples=15, deadline=None)
def test_a_candidate_is_returned_once_it_has_waited_apart_from_later_ones(seed, hold):
    told = candidates(frames(seed), 0.03 * hold, range(60))
    for one, n_frames in told:
        assert n_frames == 60 or n_frames - one.last >= hold
    kept = [one for one, _ in candidates(frames(seed), math.inf)]
    assert all(one.last <= other.first for one, other in itertools.pairwise(sorted(kept)))


def test_a_path_that_waits_in_a_blank_is_returned_once_after_the_hold():
    """In silence a path may leave out its last symbol, and pay for it in any later frame."""
    silence, *symbols = np.log(0.9 * np.eye(7) + 0.1 / 7)
    rows = [silence] * 5 + symbols + [silence] * 30
    search = Search([[1, 2, 3, 4, 5, 6]], 0.03, 0.3, lambda some: some.letters)
    told = [(one.last, n) for n, row in enumerate(rows * 2, 1) for one in search.feed(LogProbs(row[None]))]
    assert told == [(11, 21), (41 + 11, 41 + 21)]
    assert search.finish() == []


def test_a_name_inside_of_a_sentence_is_found_at_its_place(runtime):
    before, name = say("Have you seen"), say("Have you seen Jennifer")
    sound = np.pad(say("Have you seen Jennifer and Elizabeth"), (RATE, RATE))
    assert accepted(recognised(runtime, [sound], NAMES, per_hour=None)) == []
    events = recognised(runtime, [sound], ["Jennifer", "Robert"])
    assert accepted(events) == ["Jennifer"]
    found = next(event for event in events if event.transcript.accepted)
    assert found.start_s == pytest.approx(1 + len(before) / RATE, abs=0.2)
    assert found.end_s == pytest.approx(1 + len(name) / RATE, abs=0.2)


@pytest.mark.parametrize(("per_hour", "n"), [(1, 0), (10, 0), (100, 1)])
def test_what_is_confirmed_is_decided_by_thresholds_of_the_recognisers_own(runtime, monkeypatch, per_hour, n):
    monkeypatch.setattr(runtime.finder, "confirmation", Confirmation(10, -10))
    sound = np.pad(say("Have you seen Jennifer and Elizabeth"), (RATE, RATE))
    assert len(accepted(recognised(runtime, [sound], ["Jennifer", "Robert"], per_hour))) == n


def test_other_sentences_have_no_names(runtime):
    text = "the weather will be good for the rest of the week, and we shall go to the sea"
    assert accepted(recognised(runtime, [np.pad(say(text), (RATE, RATE))], NAMES)) == []


@given(st.lists(st.integers(0, 200_000), max_size=30))
@example(range(0, 200_000, 97))
@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_any_blocks_give_the_same_names(runtime, cuts):
    texts = ["have you seen Jennifer at the", "Susan", "Have you seen Jennifer"]
    talk = np.concatenate(
        [np.pad(say(text), (0, pause)) for text, pause in zip(texts, [3_000, 14_000, 0], strict=True)]
    )
    whole, parts = (recognised(runtime, blocks, NAMES) for blocks in ([talk], np.split(talk, sorted(cuts))))
    assert accepted(whole) == ["Jennifer", "Susan", "Jennifer"]
    assert [(e.start_s, e.end_s, e.transcript) for e in whole] == [(e.start_s, e.end_s, e.transcript) for e in parts]


@pytest.mark.parametrize("text", ["Jennifer was in the house yesterday", "Have you seen Jennifer"])
def test_the_first_and_the_last_of_a_recording_are_heard(runtime, text):
    assert accepted(recognised(runtime, [say(text)], NAMES)) == ["Jennifer"]


def test_speech_without_a_pause_hides_no_name_where_it_is_cut(runtime):
    sentence = say("have you seen Jennifer at the")
    loud = np.concatenate([sentence[400:-400]] * 12)
    assert accepted(recognised(runtime, [loud], NAMES)) == ["Jennifer"] * 12


@pytest.mark.parametrize("pause_s", [0.2, 0.4, 1.5])
def test_a_name_said_twice_is_two(runtime, pause_s):
    pause = np.zeros(round(pause_s * RATE), np.float32)
    twice = np.pad(np.concatenate([say("Martin"), pause, say("Martin")]), (RATE, RATE))
    assert accepted(recognised(runtime, [twice], ["Martin", "Mark"])) == ["Martin"] * 2


@pytest.mark.parametrize("said", ["Mark", "Marcus"])
def test_names_that_begin_alike_give_the_best_alone(runtime, said):
    sound = np.pad(say(said), (RATE, RATE))
    (found,) = accepted(recognised(runtime, [sound], ["Mark", "Marc", "Marcus"]))
    assert found in {"Mark": ("Mark", "Marc"), "Marcus": ("Marcus",)}[said]


def test_a_drawled_name_is_one(runtime):
    """Accepted or not: so slow, its probability is near the threshold."""
    drawled = soxr.resample(say("Martin"), 2, 3)
    for later in range(0, 400, 40):
        sound = np.pad(drawled, (RATE + later, RATE))
        assert len(recognised(runtime, [sound], ["Martin", "Marvin", "Morton", "Mark"])) == 1, later


@pytest.mark.parametrize("per_hour", [0, -1, float("nan"), float("inf"), "five", True])
def test_no_false_alarm_at_all_is_not_to_be_had(runtime, per_hour):
    with pytest.raises(ValueError, match="false_alarms_per_hour"):
        recognised(runtime, [np.zeros(RATE, np.float32)], NAMES, per_hour)
