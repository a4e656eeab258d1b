"""Names ranked by letters and by phones: each alone, both fused, and lists without pronunciations."""

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from path_transcriber import ALPHABET, INVENTORY, PathTranscriber, log_probs_of

from speech.audio import files
from speech.audio.endpointing import NoSpeechError
from speech.inference.label_prior import LabelPrior
from speech.inference.rejection import Rejection
from speech.inference.score import score
from speech.inference.scoring import Entry, LogProbs
from speech.text.names import Name
from speech.text.pronunciation import phonemize

NEEV = Name("Niamh", ["neev"])


def random_log_probs(seed, n_frames=14):
    rng = np.random.default_rng(seed)
    outputs = (rng.normal(scale=2, size=(n_frames, n)) for n in (len(ALPHABET), len(INVENTORY)))
    return LogProbs(*(x - np.logaddexp.reduce(x, axis=1, keepdims=True) for x in outputs))


def best_name(transcriber, log_probs, names):
    return transcriber.rank(log_probs, transcriber.lexicon(names))[0][0]


def test_a_name_with_an_irregular_spelling_is_found_by_its_phones_alone():
    log_probs = log_probs_of("neve", phonemize("neev"))
    names = [Name("Neve", ["nevvy"]), NEEV]
    assert best_name(PathTranscriber(phones_weight=1.0), log_probs, names) == "Niamh"
    assert best_name(PathTranscriber(phones_weight=0.0), log_probs, names) == "Neve"


@given(st.integers(0, 1000), st.booleans())
def test_scores_are_the_weighted_ctc_scores_of_either_output(seed, corrected):
    log_probs, names = random_log_probs(seed), ["Anna", "Bo", NEEV]
    prior = LabelPrior(np.random.default_rng(seed).normal(-3, 1, len(ALPHABET)).tolist(), 0.5)
    for weight in (0.0, 0.25, 1.0):
        transcriber = PathTranscriber(phones_weight=weight, label_prior=prior if corrected else None)
        entries = list(transcriber.lexicon(names).values())
        corrected_letters = prior(log_probs.letters) if corrected else log_probs.letters
        letters = score(corrected_letters, [ALPHABET.encode(name) for name in names])
        phones = np.array([max(score(log_probs.phones, list(entry.phones))) for entry in entries])
        assert transcriber.scores(log_probs, entries) == pytest.approx((1 - weight) * letters + weight * phones)


@given(st.integers(0, 1000), st.permutations(range(3)))
def test_of_several_pronunciations_the_likeliest_counts(seed, order):
    log_probs, transcriber = random_log_probs(seed), PathTranscriber(phones_weight=1.0)
    phones = [INVENTORY.encode(phonemize(text)) for text in ("Martin", "Anna", "Bo")]
    each = [transcriber.scores(log_probs, [Entry([1], (one,))])[0] for one in phones]
    several = Entry([1], tuple(phones[i] for i in order))
    assert transcriber.scores(log_probs, [several, Entry([2], (phones[0],))]) == pytest.approx([max(each), each[0]])


def test_a_name_without_pronunciations_makes_its_list_go_by_letters():
    log_probs, transcriber = log_probs_of("anna", phonemize("Martin")), PathTranscriber(phones_weight=1.0)
    lexicon = transcriber.lexicon(["Anna", "Martin"])
    assert transcriber.rank(log_probs, lexicon)[0][0] == "Martin"
    lexicon["Anna"] = Entry(lexicon["Anna"].letters)
    assert transcriber.rank(log_probs, lexicon)[0][0] == "Anna"
    letters = score(log_probs.letters, [entry.letters for entry in lexicon.values()])
    assert transcriber.scores(log_probs, list(lexicon.values())) == pytest.approx(letters)


def test_the_out_of_list_probability_fuses_both_outputs():
    transcriber = PathTranscriber()
    transcriber.rejection = Rejection([-2.0, 1.5, 0.0, 0.0], {"0.05": 0.5}, "0.05")
    lexicon, said = transcriber.lexicon(["Martin"]), ("Martin", "Zoe")
    both, letters, phones, neither = (
        transcriber.out_of_list_probability(log_probs_of(spelt, phonemize(spoken)), lexicon)
        for spelt, spoken in ((a, b) for a in said for b in said)
    )
    assert both < min(letters, phones) <= max(letters, phones) < neither
    transcriber.phones_weight = 0.0
    by_letters = [transcriber.out_of_list_probability(log_probs_of("martin", phonemize(b)), lexicon) for b in said]
    assert by_letters[0] == pytest.approx(by_letters[1])


def test_pronunciations_are_the_names_own_then_the_trained_then_espeaks():
    transcriber = PathTranscriber(pronunciations={"Niamh": (("n", "i", "v"),), "Chloé": (("k", "l"),)})
    entries = transcriber.lexicon(["niamh", "Chloe", "Bo"])
    assert entries["niamh"].phones == (INVENTORY.encode(("n", "i", "v")),)
    assert entries["Chloe"].phones == (INVENTORY.encode(("k", "l")),), "the same name, written without its accent"
    assert INVENTORY.encode(phonemize("Bo")) in entries["Bo"].phones
    own = transcriber.lexicon([Name("Niamh", ["/niːəv/"])])["Niamh"]
    assert own.phones[0] == INVENTORY.encode(("n", "i", "ə", "v"))


@pytest.mark.parametrize(
    ("samples", "error", "reason"),
    [
        ([], files.AudioError, "no samples"),
        ([0.1, np.nan, np.inf], files.AudioError, "2 samples are NaN or infinite"),
        (np.zeros(61 * 16_000, np.float32), files.AudioError, "61 s long"),
        (np.zeros(16_000), NoSpeechError, "silence"),
    ],
)
def test_samples_without_speech_are_refused(samples, error, reason):
    with pytest.raises(error, match=reason):
        PathTranscriber().transcribe((samples, 16_000))


def test_a_recording_of_an_hour_is_refused_before_it_is_read(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "hour.wav", np.zeros(3_600 * 4_000, np.int16), 4_000, subtype="PCM_U8")
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *_, **__: pytest.fail("an hour was read"))
    with pytest.raises(files.AudioError, match=r"hour\.wav: 3600 s long, over the 60 s .*: cut it up"):
        PathTranscriber().transcribe(tmp_path / "hour.wav")
