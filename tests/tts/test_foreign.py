import numpy as np
import pytest
from test_kokoro import KNOWN

from speech.text import espeak
from speech.tts.foreign import ACCENTS, accented, said_by
from speech.tts.kokoro import ACCENTS as NATIVE
from speech.tts.kokoro import to_misaki


def said(text: str, accent: str) -> str:
    """``text`` by one who has all habits of ``accent``, without its stress."""
    phonemes = to_misaki(espeak.phonemes(text, "en-GB"), "en-GB")
    return said_by(phonemes, ACCENTS[accent]).replace("ˈ", "").replace("ˌ", "")


@pytest.mark.parametrize(
    ("text", "accent", "sounds"),
    [
        ("three", "de", "sɹiː"),
        ("dog", "de", "dɒk"),
        ("dogs", "de", "dɒɡs"),  # the last sound of a word alone
        ("Walter", "de", "vɒltɛ"),
        ("bird bed", "de", "bɜːt bɛt"),
        ("Harry", "fr", "aɹi"),
        ("stop", "es", "ɛstɒp"),
        ("Victor", "es", "biktə"),
        ("six", "el", "siks"),
        ("Laura", "ja", "ɾɔːɾə"),
        ("Mark", "pt", "mɑːki"),
    ],
)
def test_an_accent_says_what_learners_of_english_say(text, accent, sounds):
    assert said(text, accent) == sounds


def test_every_accent_keeps_to_letters_that_kokoro_knows():
    names = ["Martin", "Siobhan", "Joy", "George", "Chloe", "Hugo", "Beth", "Stephen", "Victor", "Walter", "Ruth"]
    for native in NATIVE:
        for name in names:
            phonemes = to_misaki(espeak.phonemes(name, native), native)
            for seed in range(40):
                other = accented(phonemes, np.random.default_rng(seed))
                assert set(other) <= KNOWN
                assert other.strip("ˈˌ")


def test_speakers_have_different_parts_of_an_accent():
    phonemes = to_misaki(espeak.phonemes("Elizabeth Weaver", "en-US"), "en-US")
    heard = {accented(phonemes, np.random.default_rng(seed)) for seed in range(60)}
    assert phonemes in heard  # some have no habit that shows in this name
    assert len(heard) > 15
    assert accented(phonemes, np.random.default_rng(3)) == accented(phonemes, np.random.default_rng(3))
