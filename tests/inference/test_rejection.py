"""The out-of-list probability: its evidence, its thresholds, and what a transcript says of it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from path_transcriber import PathTranscriber, clips, noise

from speech.inference.rejection import LARGEST_RATIO, NEVER, Rejection, evidence, filler_path, mean_frame_entropy
from speech.inference.score import score
from speech.model.loading import load
from speech.text.alphabet import Alphabet

ALPHABET = Alphabet("abc")
TEXTS = ["Anna", "Chloé", "O'Brien", "Mary Ann", "Bob"]
NAMES = ["a", "ab", "abc", "cab", "bb", "cc"]
REJECTION = Rejection([-2.0, 1.5, 0.7, 0.3], {"0.01": 0.2, "0.05": 0.6}, "0.05", 0.8)


def random_log_probs(seed, n_frames=9, scale=2.0):
    logits = np.random.default_rng(seed).normal(scale=scale, size=(n_frames, len(ALPHABET)))
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def filler_score(log_probs):
    return float(score(log_probs, [filler_path(log_probs)])[0])


def out_of_list(log_probs, names):
    scores = score(log_probs, [ALPHABET.encode(name) for name in names])
    best, n_symbols = float(scores.max()), len(names[int(scores.argmax())])
    entropy = mean_frame_entropy(log_probs)
    return REJECTION.probability(evidence(best, n_symbols, filler_score(log_probs), entropy, len(names)))


def test_a_rate_that_is_no_number_is_told_as_one_without_a_threshold():
    with pytest.raises(ValueError, match="false_accept_rate=x: there are thresholds for"):
        REJECTION.at("x")


@given(st.integers(0, 10_000), st.permutations(NAMES), st.integers(1, 6))
def test_it_is_a_probability_whatever_the_order_of_the_names(seed, order, n):
    log_probs = random_log_probs(seed)
    found = out_of_list(log_probs, order[:n])
    assert found == pytest.approx(out_of_list(log_probs, sorted(order[:n])))
    assert 0 <= found <= 1


@given(st.integers(0, 10_000), st.permutations(["ab", "ba", "bc", "ca", "bb", "cc"]), st.integers(1, 5))
def test_a_better_name_never_makes_a_list_likelier_to_be_rejected(seed, order, n):
    log_probs = random_log_probs(seed)
    fits = dict(zip(order, score(log_probs, [ALPHABET.encode(name) for name in order]), strict=True))
    best, before = max(order[:n], key=fits.__getitem__), out_of_list(log_probs, order[:n])
    for other in order[n:]:
        changed = out_of_list(log_probs, [other if name == best else name for name in order[:n]])
        assert (changed <= before) == (fits[other] >= fits[best]) or np.isclose(changed, before)


def test_the_filler_scores_at_least_its_path_and_noise_has_a_high_entropy():
    for seed in range(20):
        log_probs = random_log_probs(seed)
        assert filler_score(log_probs) >= log_probs.max(axis=1).sum() - 1e-9
        assert mean_frame_entropy(random_log_probs(seed, scale=0.1)) > mean_frame_entropy(log_probs) > 0
    assert mean_frame_entropy(np.zeros((3, 4)) - np.log(4)) == pytest.approx(np.log(4))


@given(st.floats(-200, 0), st.floats(-200, 0), st.integers(1, 20), st.integers(2, 5))
def test_nats_per_symbol_are_the_same_evidence_for_names_of_any_length(best, filler, n_symbols, times):
    longer = evidence(best * times, n_symbols * times, filler * times, 1.0, 5)
    assert longer == pytest.approx(evidence(best, n_symbols, filler, 1.0, 5))


def test_in_noise_a_short_name_is_no_likelier_than_a_long_one():
    """Where each symbol is as unlikely as any other, and the filler spells nothing."""
    frames = np.log(np.full((12, 4), 0.001) + 0.996 * (np.arange(4) == 0))
    texts = [[1 + i % 3 for i in range(n)] for n in (2, 4, 8)]
    found = [evidence(score(frames, [text])[0], len(text), filler_score(frames), 0.0, 5)[0] for text in texts]
    plain = [filler_score(frames) - score(frames, [text])[0] for text in texts]
    assert max(found) - min(found) < 0.3
    assert np.log1p(plain[2]) - np.log1p(plain[0]) > 1.0, "as it would be without its length"


def test_evidence_is_finite_where_no_name_fits_or_all_frames_are_certain():
    assert evidence(-np.inf, 3, -1.0, 0.0, 1)[0] == np.log1p(LARGEST_RATIO)
    with np.errstate(divide="ignore"):
        certain = np.log(np.eye(4)[[1, 0, 2]])
    assert mean_frame_entropy(certain) == 0
    assert evidence(0.0, 3, filler_score(certain), 0.0, 1)[0] == 0
    short = random_log_probs(0, n_frames=2)
    assert out_of_list(short, ["abc"]) > out_of_list(short, ["a"])


def test_another_false_accept_rate_takes_its_own_threshold(make_recognizer, tmp_path):
    assert REJECTION.at(1e-2).threshold == 0.2
    with pytest.raises(ValueError, match=r"false_accept_rate=0.5: there are thresholds for 0.01, 0.05"):
        REJECTION.at(0.5)
    recognizer, file = make_recognizer(n_units=16, n_layers=1), tmp_path / "one.pt"
    recognizer.save(file)
    with pytest.raises(ValueError, match=r"false_accept_rate=0.01: .*one\.pt was not calibrated.*speech\.calibrate"):
        load(file, false_accept_rate=0.01)
    clip = (noise(12_000), recognizer.sample_rate)
    plain = recognizer.transcribe(clip)
    assert (plain.out_of_list, plain.accepted, plain.unsure) == (None, None, None)
    recognizer.rejection = Rejection([-9.0, 0, 0, 0], {"0.01": 0.0, "0.05": 0.5}, "0.05", 0.9)
    found = recognizer.transcribe(clip)
    assert (found.out_of_list, found.accepted) == (pytest.approx(1e-4, rel=0.3), True)
    assert sum(p for _, p in found.names) == pytest.approx(1), "given that one of the names was said"
    recognizer.save(file)
    assert load(file, false_accept_rate=0.01).transcribe(clip).accepted is False
    assert recognizer.transcribe(clip, []).out_of_list is None


def test_between_acceptance_and_rejection_it_is_unsure():
    decided = [REJECTION.decide(p, spelt=False) for p in (0.0, 0.59, 0.6, 0.79, 0.8, 1.0)]
    assert decided == [(True, False)] * 2 + [(False, True)] * 2 + [(False, False)] * 2
    separated = replace(REJECTION, rejected_from=0.5)  # every name of a list lies far below the threshold
    assert not any(separated.decide(p, spelt=False)[1] for p in np.linspace(0, 1, 50))
    never = replace(REJECTION, rejected_from=NEVER)
    assert all(any(never.decide(p, spelt=False)) for p in np.linspace(0, 1, 50)), "it cannot refuse yet"


@given(st.sampled_from(TEXTS), st.floats(-600, 600), st.floats(0, 1), st.floats(0, NEVER))
def test_a_clip_spelt_as_a_name_of_the_list_is_never_called_none_of_it(name, bias, threshold, rejected_from):
    letters = PathTranscriber(inventory=None)
    letters.rejection = Rejection([bias, 1, 1, 1], {"0.05": threshold}, "0.05", rejected_from)
    (clip,) = clips([name], n_each=1, phones=None)
    found = letters.transcript(letters.log_probs(clip.waveform), 0.0, letters.lexicon(TEXTS))
    assert found.letters == letters.alphabet.fold(name)
    assert found.accepted or found.unsure
    assert not found.verdict(3).startswith("out of list")
