"""Names ranked by letters and by phones: each alone, both fused, and lists without pronunciations."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import one_process
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from path_transcriber import ALPHABET, INVENTORY, PathTranscriber, log_probs_of, noise
from spoken import speak

from speech.audio import files
from speech.audio.endpointing import NoSpeechError
from speech.inference import enrolment
from speech.inference.label_prior import LabelPrior
from speech.inference.rejection import Rejection
from speech.inference.runtime import Runtime
from speech.inference.score import score
from speech.inference.scoring import Entry, LogProbs, Variants, certain
from speech.text import espeak
from speech.text.alphabet import TextError
from speech.text.names import Name
from speech.text.pronunciation import Pronunciation, phonemize

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


LEXICON = PathTranscriber().lexicon(["Anna", "Bo", NEEV])


@given(st.integers(0, 1000), st.booleans())
def test_scores_are_the_weighted_ctc_scores_of_either_output(seed, corrected):
    log_probs, entries = random_log_probs(seed), list(LEXICON.values())
    rng = np.random.default_rng(seed)
    prior = LabelPrior([rng.normal(-3, 1, n).tolist() for n in (len(ALPHABET), len(INVENTORY))], [0.5, 0.8])
    for weight in (0.0, 0.25, 1.0):
        transcriber = PathTranscriber(phones_weight=weight, label_prior=prior if corrected else None)
        outputs = prior(log_probs) if corrected else log_probs
        letters = score(outputs.letters, [ALPHABET.encode(name) for name in LEXICON])
        of_each = [score(outputs.phones, list(one.phones.symbols)) + np.array(one.phones.log_p) for one in entries]
        phones = np.array([np.log(np.exp(some).sum()) for some in of_each])
        assert transcriber.scores(log_probs, entries) == pytest.approx((1 - weight) * letters + weight * phones)


@given(st.integers(0, 1000), st.permutations(range(3)))
def test_a_name_is_as_likely_as_its_weighted_pronunciations(seed, order):
    log_probs, transcriber = random_log_probs(seed), PathTranscriber(phones_weight=1.0)
    phones = [INVENTORY.encode(phonemize(text)) for text in ("Martin", "Anna", "Bo")]
    each = [transcriber.scores(log_probs, [Entry(certain([1]), certain(one))])[0] for one in phones]
    log_p = np.log([0.7, 0.2, 0.1])
    several = Entry(certain([1]), Variants(tuple(phones[i] for i in order), tuple(log_p[list(order)])))
    wanted = [np.log(np.exp(each + log_p).sum()), each[0]]
    assert transcriber.scores(log_probs, [several, Entry(certain([2]), certain(phones[0]))]) == pytest.approx(wanted)


def test_a_wrong_pronunciation_costs_no_more_than_its_probability():
    log_probs, transcriber = log_probs_of("martin", phonemize("Martin")), PathTranscriber(phones_weight=1.0)
    right, wrong = (INVENTORY.encode(phonemize(text)) for text in ("Martin", "Bo"))
    alone = transcriber.scores(log_probs, [Entry(certain([1]), certain(right))])[0]
    both = Variants((right, wrong), tuple(np.log([0.9, 0.1])))
    beside = transcriber.scores(log_probs, [Entry(certain([1]), both)])[0]
    assert alone + np.log(0.9) - 1e-9 <= beside
    assert beside < alone + 0.1


def test_a_name_without_pronunciations_makes_its_list_go_by_letters():
    log_probs, transcriber = log_probs_of("anna", phonemize("Martin")), PathTranscriber(phones_weight=1.0)
    lexicon = transcriber.lexicon(["Anna", "Martin"])
    assert transcriber.rank(log_probs, lexicon)[0][0] == "Martin"
    lexicon["Anna"] = Entry(lexicon["Anna"].letters)
    assert transcriber.rank(log_probs, lexicon)[0][0] == "Anna"
    letters = score(log_probs.letters, [entry.letters.symbols[0] for entry in lexicon.values()])
    assert transcriber.scores(log_probs, list(lexicon.values())) == pytest.approx(letters)


def test_the_out_of_list_probability_fuses_both_outputs():
    transcriber = PathTranscriber()
    transcriber.rejection = Rejection([-2.0, 1.5, 0.0, 0.0], {"0.05": 0.5}, "0.05", 0.9)
    lexicon, said = transcriber.lexicon(["Martin"]), ("Martin", "Zoe")
    both, letters, phones, neither = (
        transcriber.out_of_list_probability(log_probs_of(spelt, phonemize(spoken)), lexicon)
        for spelt, spoken in ((a, b) for a in said for b in said)
    )
    assert both < min(letters, phones) <= max(letters, phones) < neither
    transcriber.phones_weight = 0.0
    by_letters = [transcriber.out_of_list_probability(log_probs_of("martin", phonemize(b)), lexicon) for b in said]
    assert by_letters[0] == pytest.approx(by_letters[1])


def test_a_name_in_another_script_is_spelt_by_its_respelling(runtime, said, tmp_path):
    """In transcripts, as one that is enrolled, and where what is decoded is its spelling."""
    anna, one = {"text": "Анна", "say": ["/ˈænə/", "anna"]}, {"text": "一", "say": ["one"]}
    lexicon = runtime.lexicon([anna, one, "Two"])
    assert list(lexicon) == ["Анна", "一", "Two"]
    assert lexicon["Анна"].letters == runtime.lexicon(["Anna"])["Anna"].letters
    clip = np.frombuffer(said("one"), "<i2") / 32_768, 16_000
    ours, theirs = (runtime.transcribe(clip, [name, "Two"]) for name in (one, "one"))
    assert ours.names == [("一", theirs.names[0][1]), theirs.names[1]]
    assert (ours.accepted, ours.out_of_list) == (theirs.accepted, theirs.out_of_list)
    enrolled = Runtime.load()
    enrolled.enrolled = {"one": enrolment.enrol([runtime.frames_of(clip)])}
    assert list(enrolled.lexicon([one, "Two"])) == ["一", "Two"], "it is the one that was enrolled"
    assert len(enrolled.lexicon([one])["一"].letters.symbols) > 1
    with pytest.raises(ValueError, match=r"names 'anna' and 'Анна' are both 'anna'"):
        runtime.lexicon(["anna", anna])
    with pytest.raises(
        TextError, match=r"'Анна' has .* cannot write: respell it beside its IPA.* Анна = RESPELLING, /ˈænə/$"
    ):
        runtime.lexicon([{"text": "Анна", "say": "/ˈænə/"}])


def test_pronunciations_are_the_names_own_then_the_trained_then_espeaks():
    transcriber = PathTranscriber(
        pronunciations={
            "Niamh": (Pronunciation(("n", "i", "v"), 1.0),),
            "Chloé": (Pronunciation(("k", "l"), 1.0),),
        }
    )
    entries = transcriber.lexicon(["niamh", "Chloe", "Bo"])
    assert entries["niamh"].phones.symbols == (INVENTORY.encode(("n", "i", "v")),)
    assert entries["Chloe"].phones.symbols == (INVENTORY.encode(("k", "l")),), (
        "the same name, written without its accent"
    )
    assert INVENTORY.encode(phonemize("Bo")) in entries["Bo"].phones.symbols
    own = transcriber.lexicon([Name("Niamh", ["/niːəv/"])])["Niamh"]
    assert own.phones.symbols[0] == INVENTORY.encode(("n", "i", "ə", "v"))


def test_samples_without_speech_are_refused():
    for samples, error in (([0.1, np.nan], files.AudioError), (np.zeros(16_000), NoSpeechError)):
        with pytest.raises(error):
            PathTranscriber().transcribe((samples, 16_000))


def lists_of_names():
    ends = ("na", "vin", "ton", "lena", "rick", "bella", "mund", "wyn")
    return [[f"{begin}{end}" for end in ends] for begin in ("Ma", "Ke", "Lo", "Si", "Ro", "Da", "Be", "Ti")]


@pytest.mark.parametrize("kind", ["torch", "onnx"])
def test_eight_threads_get_what_each_gets_alone(kind, make_recognizer):
    """Before anything is cached."""
    clip = speak("Martin", "f2", "en-GB")
    transcriber = make_recognizer(phones=True, n_units=16) if kind == "torch" else Runtime.load()
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda names: transcriber.transcribe(clip, names), lists_of_names()))
    assert together == [transcriber.transcribe(clip, names) for names in lists_of_names()]


def test_four_processes_get_what_one_gets():
    transcript = partial(one_process.transcript, (noise(16_000), 16_000))
    with ProcessPoolExecutor(4, multiprocessing.get_context("spawn")) as pool:
        assert list(pool.map(transcript, lists_of_names())) == list(map(transcript, lists_of_names()))


def test_espeak_answers_eight_threads_as_it_does_one():
    names = [name for some in lists_of_names() for name in some]
    asked = [(name, accent) for name in names for accent in ("en-GB", "en-US", "en-GB-scotland")]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda one: espeak.phonemes(*one), asked))
    assert together == [espeak.phonemes(*one) for one in asked]


def test_one_text_in_place_of_a_list_of_names_is_refused():
    for names in ("Martin", "", b"Martin", Name("Niamh", ["neev"])):
        with pytest.raises(ValueError, match=r"one text; give a list of names: \["):
            PathTranscriber().lexicon(names)
    with pytest.raises(ValueError, match=r"names\[1\]: 7 is not a name"):
        PathTranscriber().lexicon(["Martin", 7])
    for names in (Path("names.txt"), 7):
        with pytest.raises(ValueError, match=r"names=.*: \w+ is not a list of names: give \["):
            PathTranscriber().lexicon(names)
    assert list(PathTranscriber().lexicon(["Martin", {"text": "Niamh", "say": "neev"}])) == ["Martin", "Niamh"]
    assert list(PathTranscriber().lexicon({"text": "Niamh", "say": "neev"})) == ["Niamh"]


@pytest.mark.parametrize("clip", [np.zeros(10), None, 7, (1,), (1, 2, 3), b"clip.wav"])
def test_what_is_neither_a_path_nor_samples_with_their_rate_is_refused(clip):
    with pytest.raises(files.AudioError, match=r"clip: \w+ is not a clip: give a path, or \(samples, rate in Hz\)"):
        PathTranscriber().speech(clip)


@pytest.mark.parametrize(("rate", "narrow"), [(8_000, True), (11_025, True), (16_000, False), (22_050, False)])
def test_a_recording_of_a_narrow_band_is_told(tmp_path, rate, narrow):
    soundfile.write(tmp_path / "clip.wav", noise(rate), rate)
    for clip in (tmp_path / "clip.wav", str(tmp_path / "clip.wav"), (noise(rate), rate)):
        faults = PathTranscriber().speech(clip).faults
        told = f"narrow band: recorded at {rate} Hz, it lacks the sounds above"
        assert any(fault.startswith(told) for fault in faults) == narrow
