import itertools
import json
import shutil

import numpy as np
import pytest
from omegaconf import OmegaConf

from speech.confusable import confusable
from speech.inference.confusion import confusion
from speech.model.recognizer import Recognizer
from speech.text import confusable as pairs
from speech.text import espeak
from speech.text.espeak import ACCENTS
from speech.text.names import Name
from speech.text.phones import phones
from speech.tts.espeak import Espeak
from speech.tts.voice import Voice

NAMES = "[Martin,Morton,Mark,Lori,Laurie,Christopher]"


def test_every_sound_that_espeak_makes_of_the_commonest_names_is_a_phone():
    from speech.text.lexicon import common_names

    for accent in ACCENTS.values():
        assert all(map(phones, pairs.to_ipa(common_names()[:300], accent)))


def test_names_that_an_accent_says_alike_come_first_and_name_the_accent():
    nearest = pairs.nearest(["Mark", "Lori", "Don", "Laurie", "Dawn"])
    assert len(nearest) == 10
    assert nearest[0].names == ("Lori", "Laurie")
    assert nearest[0].distance == 0
    assert [pair.names for pair in pairs.homophones(["Mark", "Lori", "Don", "Laurie", "Dawn"])] == [("Lori", "Laurie")]
    don = next(pair for pair in nearest if pair.names == ("Don", "Dawn"))
    assert don.said == (espeak.phonemes("Don", don.accent), espeak.phonemes("Dawn", don.accent))
    assert all(a.distance <= b.distance for a, b in itertools.pairwise(nearest))


def test_a_pair_is_as_near_as_the_nearest_of_all_its_ways():
    zyx, siobhan = Name("Zyx", ["zicks", "ben"]), Name("Siobhan", ["shivawn", "jen"])
    for names in ([zyx, "Ben", siobhan], [siobhan, "Ben", zyx], ["Ben", zyx, siobhan]):
        (pair,) = pairs.homophones(names)
        assert set(pair.names) == {"Zyx", "Ben"}
        assert pair.said == ("bˈɛn", "bˈɛn")
        first, *others = pairs.nearest(names)
        assert (first.names, first.said, first.distance) == (pair.names, pair.said, 0)
        ben_jen = pairs.nearest(["Ben", "Jen"])[0]
        assert [other.distance for other in others] == [ben_jen.distance] * 2
        assert all(set(other.said) == set(ben_jen.said) for other in others)


def test_two_ways_of_one_name_are_no_pair():
    assert pairs.homophones([Name("Zyx", ["ben", "Ben"]), "Mark"]) == []


def test_without_a_recogniser_the_pairs_are_ranked_by_sound(compose, capsys, tmp_path):
    found = confusable(compose("confusable", f"names={NAMES}", f"runs_dir={tmp_path}"))
    out = capsys.readouterr().out
    assert out.startswith("Lori and Laurie are said alike (en-GB: lˈɔːɹi): no recogniser can tell them apart")
    assert found[0]["names"] == ("Lori", "Laurie")
    assert len(found) == 15
    assert "no recogniser is there yet" in out


def test_a_recognisers_own_scores_stand_beside_the_distance(compose, capsys, small_run):
    said = ["confusable", "names=[Martin,Mark,Morton]", f"recognizer={small_run}", "n_voices=2", "json=true"]
    found = confusable(compose(*said))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["names"] for line in lines] == [list(one["names"]) for one in found]
    assert all(0 <= line["mistaken"] <= 1 for line in lines)


@pytest.mark.parametrize(
    "corpus",
    [
        {"_target_": "speech.data.enrolment.Enrolment", "root": "gone"},
        {"engine": {"_target_": "speech.tts.kokoro.Kokoro", "folder": "gone"}},
        {"engine": {"_target_": "speech.tts.kokoro.Gone"}},
        {"engine": "${no_such_key}"},
        {"test_accent": "en-XX"},
        None,
    ],
    ids=["recordings", "kokoro", "engine", "interpolation", "accent", "no config"],
)
def test_a_run_whose_voices_are_not_to_be_had_is_asked_with_espeaks(compose, capsys, small_run, tmp_path, corpus):
    """``latest`` finds whatever was trained last: it is not what the user asked for."""
    run_dir = tmp_path / "runs" / "newest"
    run_dir.mkdir(parents=True)
    shutil.copy(small_run / "recognizer.pt", run_dir)
    if corpus:
        config = OmegaConf.load(small_run / "config.yaml")
        config.corpus = corpus if "_target_" in corpus else {**config.corpus, **corpus}
        OmegaConf.save(config, run_dir / "config.yaml")
    confusable(compose("confusable", "names=[Martin,Mark]", f"runs_dir={run_dir.parent}", "n_voices=2"))
    assert "said by 2 voices of espeak, which it may have learnt from" in capsys.readouterr().out


def test_a_run_is_asked_with_the_voices_that_it_was_tested_with(compose, capsys, small_run):
    confusable(compose("confusable", "names=[Martin,Mark]", f"recognizer={small_run}", "n_voices=2"))
    assert "said by 2 voices that it never heard" in capsys.readouterr().out


def test_mistaken_is_the_probability_of_the_other_within_the_two(small_run):
    recognizer = Recognizer.load(small_run / "recognizer.pt")
    voice = Voice("espeak", "en-US", "max")
    found = confusion(recognizer, ["Martin", "Mark"], [voice], seed=3)
    assert np.diag(found) == pytest.approx(0.5)
    heard = recognizer.transcribe(Espeak().speak("Martin", voice, np.random.default_rng(3)), ["Martin", "Mark"])
    assert found[0, 1] == pytest.approx(dict(heard.names)["Mark"], abs=0.05)


def test_a_list_of_one_name_is_refused(compose):
    with pytest.raises(ValueError, match="give two or more"):
        confusable(compose("confusable", "names=[Martin]", "recognizer=null"))
