"""Names inside of running speech: the page's finder, spotter and events are Python's."""

import shutil

import numpy as np
import pytest
from browser import PROGRAM, serving
from recognised import accepted, recognised
from sounds import as_text, listen, pause
from spoken import RATE, say

from speech import Runtime, pretrained
from speech.audio import files
from speech.inference.listening import Listed
from speech.inference.scoring import LogProbs
from speech.inference.spotting import Search
from speech.page import site

pytest_plugins = ["browser"]

NAMES = ["Jennifer", "Robert", "Alexander", "Mark", "Mark Robertson"]
FRAMES = 0.06  # s: two of the network's

STREAM = """async ([sound, cuts, forgetting]) => {
  const stream = all.recognizer.finder.stream();
  const samples = waveformOf(sound);
  const parts = [];
  for (const [i, at] of [0, ...cuts].entries()) {
    parts.push(await stream.feed(samples.subarray(at, cuts[i] ?? samples.length)));
    if (forgetting) stream.state = new Float32Array(stream.state.length);
  }
  parts.push(await stream.finish());
  return ["letters", "phones"].map((output) => parts.flatMap((part) => (part ? [...part[output].data] : [])));
}"""


def sound_of(*parts):
    return np.concatenate([pause(part) if isinstance(part, float) else say(part) for part in parts])


SOUNDS = {
    "in a sentence": sound_of("have you seen Jennifer at the house of the"),
    "three in one utterance": sound_of("have you seen Jennifer or Robert and where is Alexander"),
    "in the first and in the last sample": sound_of("Jennifer was in the house yesterday with Robert"),
    "alone": sound_of(0.5, "Robert", 1.2),
    "alone and in a sentence": sound_of(0.5, "Robert", 1.5, "have you seen Jennifer at the house", 1.2),
    "with a short pause inside": sound_of("Alexander", 0.25, "Robert", 0.3, "was in the house", 1.0),
    "one that a longer one begins with": sound_of("I saw Mark", 0.3, "Robertson there", 1.0, "Mark was in the house"),
    "for longer than the window": sound_of(*["house of the lord of the rings"] * 5, "and Jennifer in the house"),
    "none": sound_of("the weather in the afternoon was cold", 1.0),
}


def python(runtime, sound, per_hour):
    """The events as the page's ``listen`` gives them."""
    for one in recognised(runtime, [sound], NAMES, per_hour):
        name, probability = one.transcript.names[0]
        yield [name, one.start_s, one.end_s, probability, one.transcript.accepted, one.transcript.letters]


def check(found, expected):
    expected = list(expected)
    assert [(one[0], one[4]) for one in found] == [(one[0], one[4]) for one in expected]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours[1:3] == pytest.approx(theirs[1:3], abs=FRAMES)
        assert ours[3] == pytest.approx(theirs[3], abs=1e-2)


@pytest.mark.parametrize("what", [*SOUNDS, "shorter than a window"])
def test_a_streams_log_probabilities_are_pythons_in_any_chunks(what, engine, runtime):
    sound = SOUNDS.get(what, np.full(100, 0.1, np.float32))
    expected = runtime.finder.log_probs(sound)
    rng = np.random.default_rng(len(sound))
    for n_cuts in (0, 3, len(sound) // 700):
        cuts = sorted(rng.integers(0, len(sound), n_cuts).tolist())
        for ours, theirs in zip(engine.evaluate(STREAM, [as_text(sound), cuts, False]), expected, strict=True):
            np.testing.assert_allclose(ours, theirs.ravel(), atol=1e-3)


def test_a_stream_whose_state_is_lost_is_another(engine, runtime):
    sound = SOUNDS["in a sentence"]
    letters, _ = engine.evaluate(STREAM, [as_text(sound), [RATE], True])
    assert np.abs(letters - runtime.finder.log_probs(sound).letters.ravel()).max() > 0.1


BETWEEN_PAUSES = ["alone and in a sentence", "with a short pause inside", "for longer than the window"]


@pytest.mark.parametrize(("per_hour", "what"), [*((5, what) for what in SOUNDS), *((None, w) for w in BETWEEN_PAUSES)])
def test_the_names_in_running_speech_are_pythons(per_hour, what, engine, runtime):
    found = listen(engine, SOUNDS[what], 4_096, NAMES, perHour=per_hour)
    check(found, python(runtime, SOUNDS[what], per_hour))
    if per_hour and what == "three in one utterance":
        assert [name for name, *_ in found] == ["Jennifer", "Robert", "Alexander"]


def test_a_list_that_is_edited_is_listened_for_from_there_on_as_in_python(engine, runtime):
    sound, n = sound_of("have you seen Jennifer or Robert", 1.0, "have you seen Jennifer or Robert", 1.0), 40_000
    first, second = ["Jennifer", "Alexander"], ["Robert", "Alexander"]
    found = [one for one in listen(engine, sound, n, first, second, perHour=5) if one[4]]
    events = recognised(runtime, [sound[:n], Listed(runtime.lexicon(second)), sound[n:]], first)
    starts_s = [one.start_s for one in events if one.transcript.accepted]
    assert [name for name, *_ in found] == ["Jennifer", "Robert"] == accepted(events)
    assert [start_s for _, start_s, *_ in found] == pytest.approx(starts_s, abs=FRAMES)


def test_noise_alone_has_no_name_though_the_finder_hears_some(engine):
    noise = (1e-3 * np.random.default_rng(0).standard_normal(10 * RATE)).astype(np.float32)
    assert listen(engine, noise, 4_096, ["Christopher"], perHour=5) == []


@pytest.mark.parametrize("what", SOUNDS)
def test_a_recogniser_without_finder_spots_as_in_python(what, engine, tmp_path):
    shutil.copy(pretrained.shipped(pretrained.EXPORTED), tmp_path / "own.onnx")
    own = Runtime(tmp_path / "own.onnx")
    assert own.finder is None
    found = listen(engine, SOUNDS[what], 4_096, NAMES, perHour=5, finder=False)
    check(found, python(own, SOUNDS[what], 5))


@pytest.mark.parametrize("what", ["three in one utterance", "with a short pause inside", "alone and in a sentence"])
def test_what_is_found_in_a_stream_depends_on_no_blocks(what, engine):
    sound = SOUNDS[what]
    whole, *others = (listen(engine, sound, size, NAMES, perHour=5) for size in (len(sound), 237, 1_600))
    assert whole
    assert others == [whole, whole]


@pytest.mark.parametrize("seed", range(3))
def test_candidates_are_pythons_in_any_frames(seed, engine):
    """Of a network of three symbols that is sure of one in most frames."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(200, 4)) + 4 * np.eye(4)[rng.choice(4, 200, p=[0.5, 0.2, 0.2, 0.1])]
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    texts, hold_s, cuts = [[1, 2, 1], [2, 1], [3, 3]], [0.0, 0.15, 0.3][seed], sorted(rng.integers(0, 200, 9).tolist())
    search = Search(texts, 0.03, hold_s, lambda some: some.letters)
    expected = [one for some in np.split(log_probs, cuts) for one in search.feed(LogProbs(some))] + search.finish()
    found = engine.evaluate(
        """async ([data, texts, holdS, cuts]) => {
          const { Frames } = await import("/score.js");
          const { Search } = await import("/spotting.js");
          const all = new Float64Array(bytesOf(data).buffer);
          const search = new Search(texts, 0.03, holdS, (frames) => frames);
          const found = [0, ...cuts].flatMap((at, i) => {
            const some = all.subarray(4 * at, 4 * (cuts[i] ?? all.length));
            return search.feed(new Frames(some, some.length / 4, 4));
          });
          return [...found, ...search.finish()].map((one) => [one.first, one.last, one.score, one.nSymbols, one.text]);
        }""",
        [as_text(log_probs, "<f8"), texts, hold_s, cuts],
    )
    assert len(expected) > 3
    assert found == [pytest.approx(list(one), abs=1e-5) for one in expected]


def test_the_page_of_an_own_recogniser_finds_names_in_a_sentence_too(tab, page_files, tmp_path):
    shutil.copy(pretrained.shipped(pretrained.EXPORTED), tmp_path / "own.onnx")
    own = site.files(tmp_path / "own.onnx", PROGRAM)
    assert page_files.keys() - own.keys() == {"streaming.onnx"}
    files.write(tmp_path / "said.wav", sound_of(0.5, "where is Marvin today", 1.0), RATE)
    with serving(own) as address:
        page = tab()
        page.goto(address)
        page.wait_for_selector("#listen:not([disabled])")
        page.set_input_files("#file", tmp_path / "said.wav")
        page.wait_for_function("() => document.getElementById('verdict').textContent.includes('Marvin,')")
