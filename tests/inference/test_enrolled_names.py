"""Names that are enrolled by recordings of them, without training."""

import json

import numpy as np
import pytest
from path_transcriber import ALPHABET, INVENTORY, PathTranscriber, log_probs_of

from speech.inference import enrolment
from speech.inference.scoring import LogProbs
from speech.text.names import read_names
from speech.text.pronunciation import phonemize

ONE = b'{"format": 1, "names": {"A": {"letters": %s, "n_recordings": 1, "spelled": true}}}'
OF_ONE = b'{"letters": [["a", 0]], "phones": [[["a"], 0]], "n_recordings": 1, "spelled": true}'
TWO = b'{"format": 1, "names": {"Anna": %s, "Bob": %s}}' % (OF_ONE, OF_ONE)
LISTED = ["Anna", "Boris", "Niamh"]
NEEV = log_probs_of("neve", phonemize("neev"))  # as Niamh is said, and as a recogniser spells it


def first(transcriber, log_probs, names=LISTED):
    return transcriber.rank(log_probs, transcriber.lexicon(names))[0][0]


def test_a_name_not_said_as_written_is_recognised_once_enrolled():
    transcriber = PathTranscriber()
    names = [*LISTED, "Neve"]
    assert first(transcriber, NEEV, names) == "Neve"
    transcriber.enrolled = {"Niamh": enrolment.enrol([NEEV, NEEV])}
    again = log_probs_of("neve", phonemize("neev"))
    assert first(transcriber, again, ["Anna", "Boris", "Niamh"]) == "Niamh"
    assert first(transcriber, log_probs_of("anna", phonemize("Anna")), names) == "Anna", "other names stay as they were"


def test_a_label_has_only_its_recordings_variants_and_is_always_listed():
    transcriber = PathTranscriber()
    transcriber.enrolled = {"the boss": enrolment.enrol([NEEV], spelled=False)}
    assert first(transcriber, NEEV) == "the boss"
    assert first(transcriber, log_probs_of("the boss", phonemize("the boss"))) != "the boss"
    assert list(transcriber.lexicon([])) == ["the boss"]


@pytest.mark.parametrize("label", ["父さん", "7"])
def test_a_label_in_another_script_is_heard_too_and_a_name_is_not(label, tmp_path):
    transcriber, path = PathTranscriber(), tmp_path / "enrolled.json"
    enrolment.write(path, {label: enrolment.enrol([NEEV], spelled=False)}, ALPHABET, INVENTORY)
    transcriber.enrolled = enrolment.read(path, ALPHABET, INVENTORY)
    assert first(transcriber, NEEV) == first(transcriber, NEEV, ["Anna", "Boris"]) == label
    assert read_names([label, "Anna"], ALPHABET, labels=transcriber.labels) == [label, "Anna"]
    assert first(transcriber, NEEV, ["Anna", label]) == label
    with pytest.raises(ValueError, match="cannot write"):
        read_names([label, "Anna"], ALPHABET)
    assert enrolment.others(path, label, False, ALPHABET, INVENTORY) == {}
    with pytest.raises(ValueError, match=r"cannot write: respell it, or enrol it as a label: spelled=false"):
        enrolment.others(path, label, True, ALPHABET, INVENTORY)
    path.write_text(path.read_text().replace('"spelled": false', '"spelled": true'))
    with pytest.raises(ValueError, match=r"enrolled\.json: not a file of enrolled names .*cannot write"):
        enrolment.read(path, ALPHABET, INVENTORY)


def test_the_variants_of_either_output_have_probabilities_that_sum_to_one():
    other = log_probs_of("niv", phonemize("niv"))
    both = enrolment.enrol([NEEV, other])
    for variants in both.decoded:
        assert np.exp(variants.log_p).sum() == pytest.approx(1)
        assert len(set(map(tuple, variants.symbols))) == len(variants.symbols)
    assert {ALPHABET.decode(symbols) for symbols in both.decoded.letters.symbols} >= {"neve", "niv"}


def test_a_written_file_is_read_back_and_refused_without_its_last_byte(tmp_path):
    path = tmp_path / "enrolled.json"
    wanted = {"Niamh": enrolment.enrol([NEEV]), "the boss": enrolment.enrol([NEEV], spelled=False)}
    enrolment.write(path, wanted, ALPHABET, INVENTORY)
    assert enrolment.read(path, ALPHABET, INVENTORY) == wanted
    assert json.loads(path.read_text())["names"]["Niamh"]["letters"][0][0] == "neve"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"enrolled\.json: not a file of enrolled names"):
        enrolment.read(path, ALPHABET, INVENTORY)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"format": 2, "names": {}}',
        b'{"format": 1, "names": {"A": {}}}',
        ONE % b'[["a", NaN]], "phones": [[["a"], 0]]',
        ONE % b'[["a", 0]], "phones": []',
        ONE % b'[["a", 50]], "phones": [[["a"], 0]]',  # more likely than certain: a minus was lost
        (ONE % b'[["a", 0]], "phones": [[["a"], 0]]').replace(b'"A"', b'"R2-D2"'),
        TWO.replace(b"Anna", b"bob"),
        TWO[:-40],
    ],
)
def test_another_file_is_refused_by_its_name(tmp_path, content):
    (tmp_path / "other.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"other\.json: not a file of enrolled names .*: enrol them again"):
        enrolment.read(tmp_path / "other.json", ALPHABET, INVENTORY)


def test_a_file_of_two_names_is_read(tmp_path):
    (tmp_path / "two.json").write_bytes(TWO)
    assert [*enrolment.read(tmp_path / "two.json", ALPHABET, INVENTORY)] == ["Anna", "Bob"]


def test_a_path_that_cannot_be_read_is_told_as_such(tmp_path):
    for path, reason in ((tmp_path / "nowhere", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(ValueError, match=rf"{path.name}: cannot be read \({reason}\): speech.enrol writes"):
            enrolment.read(path, ALPHABET, INVENTORY)


def test_nothing_decoded_is_no_name():
    with pytest.raises(ValueError, match="record the name again"):
        enrolment.enrol([LogProbs(NEEV.letters[:0], NEEV.phones[:0])])
    with pytest.raises(ValueError, match="no recording"):
        enrolment.enrol([])
