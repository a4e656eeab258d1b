"""Grapheme-to-phoneme conversion."""

import os
import re
import signal

import numpy as np
import pytest

from speech.text import espeak
from speech.text.espeak import ACCENTS
from speech.text.mnemonics import MNEMONICS, PronunciationError, to_mnemonics
from speech.text.phones import phones


@pytest.mark.parametrize("accent", list(ACCENTS.values()))
def test_ipa_keeps_its_sounds_in_the_accents_own_vowels(accent):
    """Sounds that all accents share come back as they went in."""
    assert espeak.phonemes("/ʃɪˈvɔːn/", accent) == "ʃɪvˈɔːn"
    assert espeak.phonemes("/manˈwɛl/", accent)[-3:] in ("ˈɛl", "ːˈɛl")
    assert espeak.phonemes("Manwel", accent).startswith("mˈ"), "read as English, the stress is on the first"


def test_a_respelling_is_read_as_english_and_ipa_has_sounds_beyond_that():
    assert espeak.phonemes("shivawn", "en-GB") == "ʃˈɪvɔːn"
    assert espeak.phonemes("Mateusz", "en-GB") == "mˈatjuːsz"
    assert espeak.phonemes("/maˈtɛuʃ/", "en-GB") == "matˈɛuːʃ"


@pytest.mark.parametrize("ipa", [ipa for ipa in MNEMONICS if ipa.strip(" .ˈˌ")])
def test_every_known_symbol_has_a_sound(ipa):
    found = espeak.phonemes(f"/mɑː{ipa}mɑː/", "en-GB")
    assert found != espeak.phonemes("/mɑːmɑː/", "en-GB")
    assert "(" not in found


def test_an_unknown_symbol_is_named_with_its_place():
    with pytest.raises(PronunciationError, match=r"/maˈteuʂ/: 'ʂ', character 7, is not a sound"):
        to_mnemonics("/maˈteuʂ/")


@pytest.mark.parametrize(
    ("text", "accent", "ipa"),
    [
        ("Martin", "en-US", "mˈɑːɹʔn̩"),
        ("Milton", "en-US", "mˈɪlʔn̩"),
        ("button", "en-US", "bˈʌʔn̩"),
        ("sentence", "en-US", "sˈɛnʔn̩s"),
        ("Martin", "en-GB", "mˈɑːtɪn"),
        ("Austin", "en-US", "ˈɔːstɪn"),
        ("Martina", "en-US", "mɑːɹtˈiːnə"),
        ("retina", "en-US", "ɹˈɛtɪnə"),
        ("/mˈɑːɹtɪn/", "en-US", "mˈɑːrtɪn"),  # given IPA keeps its t
    ],
)
def test_a_glottal_stop_is_american_and_before_a_syllables_last_n(text, accent, ipa):
    assert espeak.phonemes(text, accent) == ipa


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_while_it_speaks_is_not_lost_and_no_sound_is_cut(monkeypatch):
    """C calls a function of Python's for each piece of sound, in which an exception is lost, and the piece with it."""
    library, is_sent = espeak.Library.get(), False

    def receive(*piece):
        if is_sent:
            os.kill(os.getpid(), signal.SIGINT)
        return library._receive(*piece)

    monkeypatch.setattr(library, "_callback", espeak._SYNTH_CALLBACK(receive))
    with espeak.Library.lock:
        library.restart()
        library.set_voice("en-GB")
        whole = library.synthesize("one two three", {})
        library.restart()
        library.set_voice("en-GB")
        is_sent = True
        with pytest.raises(KeyboardInterrupt):
            library.synthesize("one two three", {})
        assert np.array_equal(np.concatenate(library._chunks), whole)
        is_sent = False
        monkeypatch.undo()
        library.restart()


def test_a_text_of_two_clauses_is_converted_to_its_end():
    alone = espeak.phonemes("ex", "en-US")
    assert phones(espeak.phonemes("St. John", "en-US"))[-3:] == phones("dʒɑn")
    assert espeak.phonemes("ex", "en-US") == alone, "and leaves nothing to the next"


@pytest.mark.parametrize(
    ("name", "read_as"),
    [
        *(("Nguyễn", "Nguyen"), ("Trần", "Tran"), ("Đỗ", "Đo"), ("Ọlájídé", "Olájídé"), ("Ḥasan", "Hasan")),
        *(("DʼAngelo", "D'Angelo"), ("Hawaiʻi", "Hawai'i"), ("Jose\u0301", "José"), ("vi", "Vi"), ("xi", "Xi")),
        *(("nguyễn văn vi", "nguyen văn Vi"), ("Martin", "Martin"), ("D'Vi", "D'Vi"), ("/vˈaɪ/", "/vˈaɪ/")),
        *(("Ó Briain", "O Briain"), ("É", "E"), ("Ö", "O"), ("D'Ó", "D'Ó"), ("XI", "Xi"), ("Ivan IV", "Ivan IV")),
    ],
)
def test_what_espeak_would_spell_out_is_given_to_it_folded(name, read_as):
    assert espeak.readable(name) == espeak.readable(espeak.readable(name)) == read_as


@pytest.mark.parametrize("accent", ["en-GB", "en-US"])
@pytest.mark.parametrize(
    "name", ["Nguyễn", "Trần", "Đỗ", "Ọlájídé", "Ḥasan", "DʼAngelo", "Hawaiʻi", "Qurʾan", "ʿAlī", "vi", "xi", "Ớ"]
)
def test_a_name_of_any_latin_spelling_is_read_as_a_name(name, accent):
    """And no letter by letter, with a phone or more a letter of the names of its letters."""
    ipa = espeak.phonemes(name, accent)
    assert len(re.sub("[ˈˌː ]", "", ipa)) <= len(name) + 3, ipa
    assert "lɛt" not in ipa.replace("ˌ", "").replace("ˈ", "")
