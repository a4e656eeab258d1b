"""Real speech, spoilt in the ways that recordings are: each fault is found, and no other."""

import numpy as np
import pytest
from spoken import speak

from speech.audio import files
from speech.audio.quality import MOST_CLIPPED, examine, level

RATE = 16_000
RNG = np.random.default_rng(0)


def noise(seconds, dbfs):
    return (RNG.normal(size=round(seconds * RATE)) * 10 ** (dbfs / 20)).astype(np.float32)


@pytest.fixture(scope="module")
def name():
    """A name alone, at -20 dBFS."""
    samples, rate = speak("Martin")
    waveform = files.to_waveform(samples, rate, RATE)
    sounding = np.flatnonzero(np.abs(waveform) > 0.02)
    waveform = waveform[sounding[0] : sounding[-1] + 1]
    return waveform * np.float32(10 ** ((-20 - level(waveform)) / 20))


@pytest.fixture(scope="module")
def recording(name):
    """It within 2.5 s of a quiet room."""
    waveform = noise(2.5, -65)
    waveform[RATE : RATE + len(name)] += name
    return waveform


def faults(waveform):
    return [fault.split(":")[0] for fault in examine(waveform.astype(np.float32), RATE).faults]


def test_a_good_recording_is_trimmed_and_measured(recording, name):
    found = examine(recording, RATE)
    assert found.faults == []
    assert abs(found.speech_s - len(name) / RATE) < 0.1
    assert abs(found.level_dbfs - -20) < 1
    assert abs(found.snr_db - 45) < 3
    assert len(name) < len(found.waveform) < len(name) + 0.3 * RATE


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda clip: np.clip(clip * 20, -1, 1), "too loud"),
        (lambda clip: clip * 0.01, "too quiet"),
        (lambda clip: clip + noise(2.5, -27), "too noisy"),
        (lambda clip: clip[RATE + 800 :], "cut off at its beginning"),
        (lambda clip: clip[: RATE + 2_500], "cut off at its end"),
        (np.zeros_like, "nothing was recorded"),
        (lambda clip: clip[: RATE // 2], "no speech found"),
        (lambda clip: noise(2.5, -30), "no speech found"),
        (lambda clip: noise(2.5, -65) + np.pad(noise(0.05, -15), (RATE, RATE * 3 // 2 - 800)), "too short"),
    ],
    ids=["clipped", "quiet", "noisy", "late", "early", "dead", "quiet room alone", "loud room alone", "click"],
)
def test_a_spoilt_recording_has_its_fault(recording, spoil, fault):
    assert fault in faults(spoil(recording))


@pytest.mark.parametrize("gain_db", [-15, 0, 3])
@pytest.mark.parametrize("later", [-0.8, 0, 0.8])
def test_a_reasonable_level_or_place_is_no_fault(recording, gain_db, later):
    moved = np.roll(recording, round(later * RATE)) * np.float32(10 ** (gain_db / 20))
    assert faults(moved) == []


def test_a_sentence_is_too_long(name):
    sentence = noise(6, -65)
    for start in range(RATE, 5 * RATE - len(name), len(name) + 1_000):
        sentence[start : start + len(name)] += name
    assert faults(sentence) == ["too long"]


@pytest.mark.parametrize(("n", "expected"), [(MOST_CLIPPED, []), (MOST_CLIPPED + 1, ["too loud"])])
def test_a_few_clipped_samples_are_no_fault(recording, n, expected):
    clipped = recording.copy()
    clipped[RATE + 1_000 : RATE + 1_000 + n] = 1.0
    assert faults(clipped) == expected


def test_another_sample_rate_gives_the_same_quality(recording):
    found = examine(files.to_waveform(recording, RATE, 44_100), 44_100)
    assert found.faults == []
    assert abs(found.level_dbfs - -20) < 1
