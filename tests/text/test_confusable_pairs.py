import itertools

import pytest

from speech.text import espeak
from speech.text.confusable import homophones, nearest, warn_homophones
from speech.text.espeak import ACCENTS
from speech.text.names import Name
from speech.text.phones import phones
from speech.text.word_lists import common_names

NAMES = ["Mark", "Lori", "Don", "Laurie", "Dawn"]


@pytest.mark.parametrize("accent", ACCENTS.values())
def test_every_sound_of_espeak_for_the_commonest_names_is_a_phone(accent):
    assert all(phones(espeak.phonemes(name, accent)) for name in common_names()[:300])


def test_homophones_of_an_accent_come_first_and_name_the_accent():
    pairs = nearest(NAMES)
    assert len(pairs) == 10
    assert (pairs[0].names, pairs[0].distance) == (("Lori", "Laurie"), 0)
    assert homophones(NAMES) == pairs[:1]
    don = next(pair for pair in pairs if pair.names == ("Don", "Dawn"))
    assert don.ipa == (espeak.phonemes("Don", don.accent), espeak.phonemes("Dawn", don.accent))
    assert all(a.distance <= b.distance for a, b in itertools.pairwise(pairs))


def test_a_pair_is_as_near_as_its_nearest_pronunciations():
    zyx, siobhan = Name("Zyx", ["zicks", "ben"]), Name("Siobhan", ["shivawn", "jen"])
    for names in ([zyx, "Ben", siobhan], [siobhan, "Ben", zyx], ["Ben", zyx, siobhan]):
        (pair,) = homophones(names)
        assert set(pair.names) == {"Zyx", "Ben"}
        assert pair.ipa == ("bˈɛn", "bˈɛn")
        first, *others = nearest(names)
        assert first == pair
        ben_jen = nearest(["Ben", "Jen"])[0]
        assert [other.distance for other in others] == [ben_jen.distance] * 2
        assert all(set(other.ipa) == set(ben_jen.ipa) for other in others)


def test_two_pronunciations_of_one_name_are_no_pair():
    assert homophones([Name("Zyx", ["ben", "Ben"]), "Mark"]) == []


def test_homophones_are_warned_of_and_a_pronunciation_parts_them(capsys):
    warn_homophones(NAMES)
    told = "Lori and Laurie are homophones (en-GB: lˈɔːɹi): a recogniser cannot tell them apart by sound"
    assert capsys.readouterr().err == f"warning: {told}\n"
    warn_homophones(["Lori", "Mark", Name("Laurie", ["/ˈlaʊɹi/"])])
    assert capsys.readouterr().err == ""
