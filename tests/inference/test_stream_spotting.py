"""Names in running speech, while somebody speaks, with the two files that ship."""

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from recognised import accepted, recognised
from spoken import RATE, say

from speech.inference.runtime import Runtime
from speech.inference.spotting import Spotter
from speech.inference.stream_spotting import KEPT_S, StreamSpotter
from speech.inference.streaming import Stream

NAMES = ["Jennifer", "Robert", "Alexander"]
SENTENCE = "have you seen Jennifer at the"


def spotted(runtime, sound, cuts=(), start=0):
    """Each name with its times and the number of samples after which it is told of."""
    spotter = StreamSpotter(Spotter(runtime, runtime.lexicon(NAMES), 5), runtime.finder, start)
    told, n_fed = [], 0
    for block in np.split(sound, sorted(cuts)):
        n_fed += len(block)
        told += [(one.transcript.names[0][0], one.start_s, one.end_s, n_fed) for one in spotter.feed(block)]
    return told + [(one.transcript.names[0][0], one.start_s, one.end_s, n_fed) for one in spotter.finish()]


@given(st.lists(st.integers(0, 80_000), max_size=30))
@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_any_blocks_give_the_same_names_at_the_same_places(runtime, cuts):
    sound = np.concatenate([say(SENTENCE), say("for Robert and"), say(SENTENCE)])
    whole, parts = spotted(runtime, sound), spotted(runtime, sound, [cut for cut in cuts if cut < len(sound)])
    assert [name for name, *_ in whole] == ["Jennifer", "Robert", "Jennifer"]
    assert [one[:3] for one in parts] == [one[:3] for one in whole]


def test_a_name_is_known_while_the_sentence_goes_on(runtime):
    before, until = say("have you seen"), say("have you seen Jennifer")
    sound = np.concatenate([say(SENTENCE), say("house of the"), say("house of the")])
    ((name, start_s, end_s, n_fed),) = spotted(runtime, sound, range(320, len(sound), 320))
    assert name == "Jennifer"
    assert start_s == pytest.approx(len(before) / RATE, abs=0.2)
    assert end_s == pytest.approx(len(until) / RATE, abs=0.2)
    assert n_fed / RATE - end_s < 0.6


def test_names_are_told_by_the_streams_own_clock_for_hours(runtime):
    sound = say(SENTENCE)
    ((_, start_s, end_s, _),) = spotted(runtime, sound)
    ((_, *later, _),) = spotted(runtime, sound, start=3_600 * RATE)
    assert later == pytest.approx([3_600 + start_s, 3_600 + end_s])


def test_a_stream_holds_seconds_of_sound_however_long_it_is(runtime):
    spotter = StreamSpotter(Spotter(runtime, runtime.lexicon(NAMES), 5), runtime.finder, 0)
    for _ in range(40):
        spotter.feed(say(SENTENCE)[:8_000])
    assert sum(map(len, spotter._kept)) <= KEPT_S * RATE + 8_000
    assert len(spotter._search._recent) < 200


def test_in_running_speech_a_name_is_told_before_the_speaker_pauses(runtime):
    events = recognised(runtime, [say(SENTENCE)] + [say("house of the")] * 4, NAMES)
    assert accepted(events) == ["Jennifer"]
    assert next(one.latency_s for one in events if one.transcript.accepted) < 0.8


def test_where_nobody_speaks_the_finder_rests(runtime, monkeypatch):
    n_heard, feed = [], Stream.feed
    monkeypatch.setattr(Stream, "feed", lambda self, block: n_heard.append(len(block)) or feed(self, block))
    noise = (1e-3 * np.random.default_rng(0).standard_normal(20 * RATE)).astype(np.float32)
    assert runtime.finder
    assert recognised(runtime, [noise], NAMES) == []
    assert not n_heard
    sentence = say(SENTENCE)
    (event,) = recognised(runtime, [noise, noise[: len(sentence)] + sentence, noise], NAMES)
    assert event.transcript.names[0][0] == "Jennifer"
    assert len(sentence) <= sum(n_heard) <= len(sentence) + 3 * RATE


def test_what_is_heard_alike_at_a_pause_and_at_its_end_is_recognised_once(runtime, monkeypatch):
    spans, log_probs = [], Runtime.log_probs
    monkeypatch.setattr(Runtime, "log_probs", lambda self, some: spans.append(len(some)) or log_probs(self, some))
    sound = np.pad(say("house"), (RATE, 2 * RATE))
    (event,) = recognised(runtime, [sound], ["Elizabeth"], per_hour=None)
    assert not event.transcript.accepted  # its end is waited for
    assert len(spans) == 1


def test_what_was_heard_before_changes_no_name(runtime):
    def events(parts):
        some = [event.transcript for event in recognised(runtime, parts, NAMES)]
        return [(one.names[0][0], one.letters) for one in some if one.accepted]

    pause = np.zeros(3 * RATE, np.float32)
    alone, noise = events([say(SENTENCE)]), np.random.default_rng(0).standard_normal(RATE).astype(np.float32) / 10
    assert [name for name, _ in alone] == ["Jennifer"]
    after = events([noise, pause, say("for Robert and"), pause, say(SENTENCE)])
    assert [name for name, _ in after] == ["Robert", "Jennifer"]
    assert events([say(SENTENCE)]) == alone


def test_a_name_before_a_long_silence_is_told_while_it_lasts(runtime):
    """In which a path may wait in a blank, and end in its last symbol in any frame."""
    silence = np.zeros(6 * RATE, np.float32)
    sound = np.concatenate([silence, say("have you seen Jennifer or Robert and where is Alexander"), silence])
    told = spotted(runtime, sound, range(320, len(sound), 320))
    assert [name for name, *_ in told] == ["Jennifer", "Robert", "Alexander"]
    assert all(n_fed / RATE - end_s < 0.8 for _, _, end_s, n_fed in told)


@pytest.mark.parametrize(("text", "name"), [("Have you seen Jennifer", "Jennifer"), ("ask Alexander", "Alexander")])
def test_the_last_word_before_a_silence_is_told_at_once_and_once(runtime, text, name):
    end_s = 1 + len(say(text)) / RATE
    events = recognised(runtime, [np.pad(say(text), (RATE, 4 * RATE))], NAMES)
    assert accepted(events) == [name]
    event = events[-1]
    assert event.transcript.accepted
    assert event.end_s == pytest.approx(end_s, abs=0.2)
    assert event.latency_s < 0.6


def test_the_end_of_a_sentence_settles_its_last_word_despite_longer_names(runtime):
    spoken = say("I was told to ask for Oliver")
    lengths_seeds = (RATE, 0), (len(spoken), 0), (5 * RATE // 2, 1)
    noise = [6e-3 * np.random.default_rng(seed).standard_normal(length) for length, seed in lengths_seeds]
    sound = np.concatenate([noise[0], noise[1] + spoken, noise[2]]).astype(np.float32)
    (event,) = recognised(runtime, [sound], [*NAMES, "Oliver", "Bartholomew Featherstone"])
    assert (event.transcript.names[0][0], event.transcript.accepted) == ("Oliver", True)


def test_a_name_that_ends_where_speech_without_a_pause_is_cut_is_told_once(runtime):
    """It is confirmed a little after the speech so far was reported, in which nothing was recognised."""
    words, name = say("house of the man who was told to come")[: -RATE // 20], say("ask for Jennifer")
    before, pause = round(4.8 * RATE) - len(name), np.zeros(round(0.08 * RATE), np.float32)
    parts = [np.tile(words, 6)[:before], name, pause, np.tile(words, 6)[: 6 * RATE], pause]
    sound = np.pad(np.concatenate(parts), RATE)
    events = recognised(runtime, [sound], NAMES)
    cut, told = events[:2]
    assert cut.transcript.accepted is False
    assert told.end_s <= cut.end_s + 0.1
    assert accepted([told]) == accepted(events) == ["Jennifer"]


def test_in_noise_alone_there_is_no_name_though_the_finder_hears_some(runtime):
    noise = (1e-3 * np.random.default_rng(0).standard_normal(10 * RATE)).astype(np.float32)
    spotter = StreamSpotter(Spotter(runtime, runtime.lexicon(["Christopher"]), 5), runtime.finder, 0)
    assert [*spotter.feed(noise), *spotter.finish()]
    assert not recognised(runtime, [noise], ["Christopher"])
