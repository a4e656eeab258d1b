"""scripts/benchmark_people.py: its lists keep to their rules, and what it does to recordings is what it says."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from speech.audio import endpointing, files
from speech.text.lexicon import common_names, dictionary
from speech.tts.espeak import Espeak
from speech.tts.voice import Voice

SCRIPTS = Path(__file__).parents[2] / "scripts"
LISTS = OmegaConf.load(SCRIPTS / "benchmark_people.yaml")
RATE = 16_000


@pytest.fixture(scope="module")
def scripts():
    """The modules degrade and benchmark_people, which find each other as they do when they are run."""
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(SCRIPTS))
        yield [importlib.import_module(name) for name in ("degrade", "benchmark_people")]
        for name in ("degrade", "benchmark_people", "benchmark", "grammar", "paired"):
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def recording():
    samples, rate = Espeak().speak("Martin", Voice("espeak", "en-GB", "m3"), np.random.default_rng(0))
    spoken = files.to_waveform(samples, rate, RATE)
    return np.concatenate([np.zeros(6_000, np.float32), spoken, np.zeros(9_000, np.float32)])


def test_the_lists_are_those_that_their_rules_give():
    commands, others = LISTS.words[:10], [*LISTS.words[10:], *LISTS.other_words]
    assert sorted(others) == [*LISTS.words[10:], *LISTS.other_words], "the first ten by the alphabet, then the rest"
    assert len({*commands, *others}) == 33
    assert set(LISTS.names[2:]) <= set(common_names()[:200])
    assert len(set(LISTS.names)) == 20
    assert {"alexa", "amelia"} <= set(LISTS.names)


def test_a_drawn_list_holds_nothing_that_was_learnt_nor_what_is_said_alike(scripts):
    _, bench = scripts
    learnt = {"ann", "sara lee", "write"}
    lists = bench.draw_lists(learnt, 3, 20, 300, seed=0)
    assert lists == bench.draw_lists(learnt, 3, 20, 300, seed=0) != bench.draw_lists(learnt, 3, 20, 300, seed=1)
    taken = {said for word in ("ann", "sara", "lee", "write") for said in dictionary()[word]}
    for names in lists:
        assert len(set(names)) == 20
        assert not learnt & set(names)
        assert "anne" not in names
        sounds = [said for name in names for said in set(dictionary()[name])]
        assert len(sounds) == len(set(sounds))
        assert taken.isdisjoint(sounds)
    with pytest.raises(ValueError, match="20 are needed"):
        bench.draw_lists(set(common_names()), 1, 20, 300, seed=0)


@pytest.mark.parametrize("snr_db", [0, 10])
def test_noise_lies_as_far_under_the_speech_as_it_is_told(scripts, recording, snr_db):
    degrade, _ = scripts
    rng = np.random.default_rng(0)
    start, stop = endpointing.find_speech(recording, RATE)
    others = [recording[start:stop], recording[start : start + 3_000]]
    for noise in (degrade.pink(len(recording), rng), degrade.babble(len(recording), others, rng)):
        added = degrade.with_noise(recording, noise, snr_db) - recording
        power = [np.mean(one**2) for one in (recording[start:stop], added)]
        assert 10 * np.log10(power[0] / power[1]) == pytest.approx(snr_db, abs=0.01)
        assert np.abs(added[:1_000]).max() > 0, "over the silence, too"


def test_pink_noise_has_the_same_power_in_every_octave(scripts):
    degrade, _ = scripts
    power = np.abs(np.fft.rfft(degrade.pink(64_000, np.random.default_rng(0)))) ** 2  # a bin is 0.25 Hz
    octaves = [power[4 * low : 8 * low].sum() for low in (125, 500, 2_000)]
    assert np.allclose(octaves, octaves[0], rtol=0.15)


def test_a_telephone_lets_through_300_to_3400_hz(scripts):
    degrade, _ = scripts
    seconds = np.arange(RATE) / RATE
    kept = {}
    for hz in (60, 150, 500, 1_000, 3_000, 5_000, 7_000):
        tone = np.sin(2 * np.pi * hz * seconds).astype(np.float32)
        through = degrade.telephone(tone)[2_000:-2_000]
        kept[hz] = 20 * np.log10(np.sqrt(2 * np.mean(through**2)) + 1e-9)
    assert all(abs(kept[hz]) < 1 for hz in (500, 1_000, 3_000))
    assert all(kept[hz] < -20 for hz in (60, 150, 5_000, 7_000))


def test_an_interval_of_two_speakers_who_agree_is_not_narrower_than_that_of_their_clips(scripts):
    _, bench = scripts
    hits = np.array([True, False] * 20)
    agreeing, clips = (bench.share(hits, speakers) for speakers in (["a"] * 20 + ["b"] * 20, list(map(str, range(40)))))
    assert agreeing[0] <= clips[0] < 0.5 < clips[1] <= agreeing[1]
    apart = bench.share(hits, ["a", "b"] * 20)
    assert apart == (0, 1), "one is always right and one never"


def test_a_recording_is_heard_alike_alone_and_among_others(scripts, make_recognizer, tmp_path, recording):
    _, bench = scripts
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    make_recognizer(names=("Martin", "Mark")).save(run_dir / "recognizer.pt")
    ear = bench.Ear(run_dir, None)
    waveforms = [recording, np.zeros(RATE, np.float32), np.tile(recording, 2), recording[::2].copy()]
    said = [bench.Said("martin", str(i), lambda waveform=waveform: waveform) for i, waveform in enumerate(waveforms)]
    heard = ear.log_probs(said)
    lexicon = ear.recognizer.lexicon(["martin", "mark"])
    assert [len(one.letters) > 0 for one in heard] == [True, False, True, True]
    for one, waveform, right in zip(heard, waveforms, ear.right(said, heard, ["martin", "mark"]), strict=True):
        assert right == (ear.choose(waveform, lexicon) == "martin")
        if len(one.letters):
            alone = ear.recognizer.log_probs(endpointing.trim_silence(waveform, RATE)[0])
            np.testing.assert_allclose(one.letters, alone.letters, atol=1e-4)
