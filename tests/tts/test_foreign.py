import numpy as np
import pytest
from test_kokoro import KNOWN, NAMES

from speech.text import espeak
from speech.tts.foreign import ACCENTS, accented, substitute
from speech.tts.kokoro import ACCENTS as NATIVE
from speech.tts.kokoro import to_misaki


def misaki(text: str, accent: str) -> str:
    return to_misaki(espeak.phonemes(text, accent), accent)


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
def test_an_accent_has_the_substitutions_of_learners(text, accent, sounds):
    assert substitute(misaki(text, "en-GB"), ACCENTS[accent]).translate({ord("ˈ"): "", ord("ˌ"): ""}) == sounds


@pytest.mark.parametrize("native", NATIVE)
def test_every_accent_stays_within_kokoros_alphabet(native):
    for name in NAMES:
        for seed in range(40):
            other = accented(misaki(name, native), np.random.default_rng(seed))
            assert set(other) <= KNOWN
            assert other.strip("ˈˌ")


def test_speakers_have_different_parts_of_an_accent():
    phonemes = misaki("Elizabeth Weaver", "en-US")
    variants = {accented(phonemes, np.random.default_rng(seed)) for seed in range(60)}
    assert phonemes in variants, "some have no habit that shows in this name"
    assert len(variants) > 15
    assert accented(phonemes, np.random.default_rng(3)) == accented(phonemes, np.random.default_rng(3))
