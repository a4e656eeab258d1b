"""Names ranked by letters and by phones: each alone, both together, and what a list without phones goes by."""

import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from speech.audio import endpointing
from speech.data.dataset import Clip
from speech.inference.decode import Greedy
from speech.inference.label_prior import LabelPrior
from speech.inference.rejection import Rejection
from speech.inference.runtime import Runtime
from speech.inference.score import score
from speech.inference.scoring import Entry, Frames
from speech.inference.transcriber import Transcriber
from speech.model.onnx_graph import to_onnx
from speech.model.recognizer import Recognizer
from speech.text.alphabet import Alphabet
from speech.text.names import Name
from speech.text.phones import PHONES, Inventory
from speech.text.pronunciation import phonemize
from speech.training.ranking import fit_ranking

ALPHABET, INVENTORY = Alphabet(), Inventory()
NEEV = Name("Niamh", ["neev"])


class Ear(Transcriber):
    """A Transcriber of two outputs, whose frames are made by hand."""

    alphabet = ALPHABET
    inventory = INVENTORY
    sample_rate = 16_000
    frame_s = 0.02

    def __init__(self, decoder=None, phones_weight=0.5, prior=None, ways=None):
        self.names, self.pronunciations, self.decoder = [], ways or {}, decoder or Greedy()
        self.phones_weight, self.label_prior = phones_weight, prior

    def log_probs(self, waveform):
        """The first half of the samples are letters, the second phones, a frame each; -1 in all is a vague output."""
        letters, phones = np.split(np.round(np.asarray(waveform) * 32768).astype(int), 2)
        return Frames(spoken(letters, len(ALPHABET)), spoken(phones, len(INVENTORY)))


def spoken(path, n_symbols, sureness=6.0):
    """Log-probabilities of frames in each of which the symbol of ``path`` is the likeliest, all alike at -1."""
    logits = np.random.default_rng(0).normal(scale=0.3, size=(len(path), n_symbols))
    path = np.asarray(path)
    logits[np.arange(len(path)), path.clip(min=0)] += sureness * (path >= 0)
    logits[path < 0] = 0
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def path_of(symbols, n_frames=24):
    """Each symbol and a blank after it, and blanks to the end."""
    path = np.zeros(n_frames, int)
    path[1 : 1 + 2 * len(symbols) : 2] = symbols
    return path


def frames_of(letters, phones):
    return Frames(
        spoken(path_of(ALPHABET.encode(letters)), len(ALPHABET)),
        spoken(path_of(INVENTORY.encode(phones)), len(INVENTORY)),
    )


def random_frames(seed, n_frames=14):
    rng = np.random.default_rng(seed)
    outputs = (rng.normal(scale=2, size=(n_frames, n)) for n in (len(ALPHABET), len(INVENTORY)))
    return Frames(*(x - np.logaddexp.reduce(x, axis=1, keepdims=True) for x in outputs))


def first(ear, frames, names):
    return ear.rank(frames, ear.lexicon(names))[0][0]


def test_a_name_that_is_said_as_nobody_would_spell_it_is_known_by_its_phones_and_not_by_its_letters():
    frames = frames_of("neve", phonemize("neev"))  # the letters are what an ear would write
    names = ["Neve", NEEV]
    assert first(Ear(phones_weight=1.0), frames, [Name("Neve", ["nevvy"]), NEEV]) == "Niamh"
    assert first(Ear(phones_weight=0.0), frames, names) == "Neve"


@given(st.integers(0, 1000))
def test_the_whole_weight_on_either_output_gives_the_ctc_scores_of_that_one_alone(seed):
    frames, names = random_frames(seed), ["Anna", "Bo", NEEV]
    prior = LabelPrior(np.random.default_rng(seed).normal(-3, 1, len(ALPHABET)).tolist(), 0.5)
    for some in (None, prior):
        by_letters, by_phones = Ear(phones_weight=0.0, prior=some), Ear(phones_weight=1.0, prior=some)
        entries = list(by_letters.lexicon(names).values())
        letters = score(some(frames.letters) if some else frames.letters, [ALPHABET.encode(name) for name in names])
        assert by_letters.scores(frames, entries) == pytest.approx(letters)
        phones = [max(score(frames.phones, list(entry.phones))) for entry in entries]
        assert by_phones.scores(frames, entries) == pytest.approx(phones), "the prior is of the letters"
        both = Ear(phones_weight=0.25, prior=some).scores(frames, entries)
        assert both == pytest.approx(0.75 * letters + 0.25 * np.array(phones))


@given(st.integers(0, 1000), st.permutations(range(3)))
def test_of_several_ways_to_say_a_name_the_best_counts(seed, order):
    frames, ear = random_frames(seed), Ear(phones_weight=1.0)
    ways = [INVENTORY.encode(phonemize(text)) for text in ("Martin", "Anna", "Bo")]
    each = [ear.scores(frames, [Entry([1], (way,))])[0] for way in ways]
    several = Entry([1], tuple(ways[i] for i in order))
    assert ear.scores(frames, [several, Entry([2], (ways[0],))]) == pytest.approx([max(each), each[0]])


def test_a_name_without_known_phones_makes_the_whole_list_go_by_letters():
    frames, ear = frames_of("anna", phonemize("Martin")), Ear(phones_weight=1.0)
    lexicon = ear.lexicon(["Anna", "Martin"])
    assert ear.rank(frames, lexicon)[0][0] == "Martin"
    lexicon["Anna"] = Entry(lexicon["Anna"].letters)
    assert ear.rank(frames, lexicon)[0][0] == "Anna"
    letters = score(frames.letters, [entry.letters for entry in lexicon.values()])
    assert ear.scores(frames, list(lexicon.values())) == pytest.approx(letters)


def test_none_of_these_weighs_the_outputs_as_the_ranking_does():
    ear = Ear()
    ear.rejection = Rejection([-2.0, 1.5, 0.0, 0.0], {"0.05": 0.5}, "0.05")
    lexicon = ear.lexicon(["Martin"])
    heard = [
        ear.out_of_list_probability(frames_of(*what), lexicon)
        for what in (
            ("martin", phonemize("Martin")),
            ("martin", phonemize("Zoe")),
            ("zoe", phonemize("Martin")),
            ("zoe", phonemize("Zoe")),
        )
    ]
    assert heard[0] < min(heard[1:3]) <= max(heard[1:3]) < heard[3]
    ear.phones_weight = 0.0
    assert ear.out_of_list_probability(frames_of("martin", phonemize("Zoe")), lexicon) == pytest.approx(
        ear.out_of_list_probability(frames_of("martin", phonemize("Martin")), lexicon)
    )


def test_a_list_says_its_names_in_their_own_ways_then_as_they_were_learnt_then_as_espeak_reads_them():
    ear = Ear(ways={"Niamh": (("n", "i", "v"),), "Chloé": (("k", "l"),)})
    entries = ear.lexicon(["niamh", "Chloe", "Bo"])
    assert entries["niamh"].phones == (INVENTORY.encode(("n", "i", "v")),)
    assert entries["Chloe"].phones == (INVENTORY.encode(("k", "l")),), "the same name, written without its mark"
    assert INVENTORY.encode(phonemize("Bo")) in entries["Bo"].phones
    own = ear.lexicon([Name("Niamh", ["/niːəv/"])])["Niamh"]
    assert own.phones[0] == INVENTORY.encode(("n", "i", "ə", "v"))


NAMES = ["Anna", "Boris", "Chloe", "David", "Martin", "Sophie", "Hugo", "Yasmin", "Victor", "Olga", "Peter", "Mark"]


def clips(says_letters, says_phones):
    """A clip of each name four times; an output that says nothing is vague from end to end."""
    found = []
    for name in NAMES:
        vague = np.full(24, -1)
        letters = path_of(ALPHABET.encode(name)) if says_letters else vague
        phones = path_of(INVENTORY.encode(phonemize(name))) if says_phones else vague
        samples = np.concatenate([letters, phones]).astype(np.int16)
        found += [Clip(f"{name}{i}", name, f"s{i}", "en-US", samples) for i in range(4)]
    return found


@pytest.mark.parametrize(("says_letters", "says_phones", "phones_count"), [(False, True, True), (True, False, False)])
def test_the_ranking_learns_to_go_by_the_output_that_says_something(says_letters, says_phones, phones_count):
    ear = Ear()
    prior, weight = fit_ranking(ear, clips(says_letters, says_phones), None, seed=0)
    assert (weight > 0.5) == phones_count
    assert prior is not None
    assert (ear.label_prior, ear.phones_weight) == (None, 0.5), "it is left as it was"
    ear.label_prior, ear.phones_weight = prior, weight
    for clip in clips(says_letters, says_phones)[::4]:
        assert first(ear, ear.log_probs(clip.waveform), NAMES) == clip.name


def test_weights_that_validation_cannot_tell_apart_are_averaged():
    prior, weight = fit_ranking(Ear(), clips(True, True), None, seed=0)  # each pair is always right
    assert (prior.weight, weight) == (0.5, 0.5)


def test_names_that_were_learnt_in_their_own_ways_are_calibrated_in_them():
    """Validation knows texts as they are spelt; ``Niamh`` read by espeak would be another sound."""
    ear = Ear(ways={"Niamh": (phonemize("neev"),)})
    some = clips(False, True)
    neev = np.concatenate([np.full(24, -1), path_of(INVENTORY.encode(phonemize("neev")))]).astype(np.int16)
    some += [Clip(f"niamh{i}", "Niamh", f"s{i}", "en-US", neev) for i in range(4)]
    prior, weight = fit_ranking(ear, some, None, seed=0)
    assert prior is not None
    ear.phones_weight = weight
    entries = ear.lexicon([ALPHABET.fold(name) for name in [*NAMES, "Niamh"]])
    assert ear.rank(ear.log_probs(some[-1].waveform), entries)[0][0] == "niamh"


def test_too_few_clips_leave_the_weight_as_it_is():
    assert fit_ranking(Ear(phones_weight=0.3), clips(True, True)[:8], None, 0) == (None, 0.3)


def noise(n_samples):
    """It swells and fades: what stays as it is from end to end holds no name."""
    return (np.random.default_rng(0).normal(scale=0.1, size=n_samples) * np.hanning(n_samples)).astype(np.float32)


@pytest.fixture
def phonetic(make_recognizer):
    recognizer = make_recognizer(phones=True, names=("Martin", "Mark", NEEV), n_units=16, n_layers=1)
    recognizer.phones_weight = 0.75
    return recognizer


def test_phones_their_ways_and_their_weight_travel_with_both_files(phonetic, tmp_path):
    phonetic.save(tmp_path / "recognizer.pt")
    onnx.save(to_onnx(phonetic, card=""), tmp_path / "recognizer.onnx")
    loaded, runtime = Recognizer.load(tmp_path / "recognizer.pt"), Runtime(tmp_path / "recognizer.onnx")
    ours, names = phonetic.log_probs(noise(12_000)), ["Anna", "Siobhan", "martin"]
    assert ours.phones.shape == (len(ours.letters), len(PHONES) + 1)
    for output in ours:
        assert np.exp(output).sum(axis=1) == pytest.approx(np.ones(len(output)))
    for other, tolerance in ((loaded, 0), (runtime, 1e-4)):
        theirs = other.log_probs(noise(12_000))
        for mine, its in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(its, mine, rtol=0, atol=tolerance)
        assert other.inventory.phones == PHONES
        assert other.pronunciations == phonetic.pronunciations
        assert other.pronunciations["Niamh"][0] == phonemize("neev")
        assert other.phones_weight == 0.75
        best_path = other.inventory.decode(
            Greedy()(other.log_probs(endpointing.trim_silence(noise(12_000), 16_000)[0]).phones)
        )
        assert other.transcribe((noise(12_000), 16_000)).phones == "".join(best_path)
        for some in (phonetic.names, names):
            expected, found = phonetic.rank(ours, phonetic.lexicon(some)), other.rank(theirs, other.lexicon(some))
            assert [name for name, _ in found] == [name for name, _ in expected]
            assert dict(found) == pytest.approx(dict(expected), abs=1e-3)


def test_a_recogniser_keeps_the_phones_that_it_was_made_with(phonetic, make_recognizer, tmp_path):
    few = make_recognizer(phones=["ɑ", "m"], names=(), n_units=16, n_layers=1)
    few.save(tmp_path / "few.pt")
    assert Recognizer.load(tmp_path / "few.pt").inventory.phones == ["ɑ", "m"]
    assert Recognizer.load(tmp_path / "few.pt").n_symbols == [len(ALPHABET), 3]


def test_a_file_of_before_there_were_phones_loads_and_goes_by_letters(make_recognizer, tmp_path):
    recognizer = make_recognizer(n_units=16, n_layers=1)
    recognizer.save(tmp_path / "old.pt")
    content = torch.load(tmp_path / "old.pt", weights_only=True)
    del content["pronunciations"], content["phones_weight"], content["parts"]["phones"]
    torch.save(content, tmp_path / "old.pt")
    loaded = Recognizer.load(tmp_path / "old.pt")
    assert (loaded.inventory, loaded.pronunciations) == (None, {})
    assert loaded.log_probs(noise(9_000)).phones is None
    assert loaded.transcribe((noise(12_000), 16_000)).phones is None
    ours, theirs = (one.read(one.log_probs(noise(9_000)), one.lexicon(one.names)) for one in (loaded, recognizer))
    assert ours == theirs
    onnx.save(to_onnx(recognizer, card=""), tmp_path / "old.onnx")
    assert Runtime(tmp_path / "old.onnx").hear(noise(9_000)).phones is None


WITHOUT_ESPEAK = """
import json, sys
import numpy as np
sys.modules["espeakng_loader"] = None  # cannot be imported
from speech.inference.runtime import Runtime
runtime = Runtime(sys.argv[1])
noise = (np.random.default_rng(0).normal(scale=0.1, size=12_000) * np.hanning(12_000)).astype(np.float32)
frames = runtime.log_probs(noise)
ranked = lambda names: runtime.rank(frames, runtime.lexicon(names))
print(json.dumps([ranked(runtime.names), ranked(["mark", "niamh"]), ranked(["Anna", "Martin"])]))
assert "torch" not in sys.modules
"""


def test_without_espeak_the_names_it_was_trained_for_go_by_phones_and_others_by_letters(phonetic, tmp_path):
    onnx.save(to_onnx(phonetic, card=""), tmp_path / "recognizer.onnx")
    command = [sys.executable, "-c", WITHOUT_ESPEAK, str(tmp_path / "recognizer.onnx")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    own, some, others = map(dict, json.loads(done.stdout))
    frames = phonetic.log_probs(noise(12_000))
    assert own == pytest.approx(dict(phonetic.rank(frames, phonetic.lexicon(phonetic.names))), abs=1e-3)
    assert some["mark"] / some["niamh"] == pytest.approx(own["Mark"] / own["Niamh"], rel=1e-2)
    letters = score(frames.letters, [ALPHABET.encode(name) for name in ("Anna", "Martin")])
    assert others["Anna"] / others["Martin"] == pytest.approx(np.exp(letters[0] - letters[1]), rel=1e-2)
