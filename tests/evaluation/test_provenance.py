import pytest

from speech.evaluation.metrics import Prediction
from speech.evaluation.provenance import met, record, source_speakers


def clip(speaker, accent):
    return Prediction("1", speaker, "martin", "martin", [], accent=accent)


TRAINED = record([clip("espeak:en-US+m3~17", "en-US"), clip("kokoro:en-GB+bella*0.6+george*0.4", "en-GB")])


@pytest.mark.parametrize(
    ("speaker", "accent", "expected"),
    [
        ("espeak:en-029+m3", "en-029", ("seen", "unseen", "seen")),  # the variant that trained, with another accent
        ("espeak:en-US+f1", "en-US", ("unseen", "seen", "seen")),
        ("kokoro:en-GB+george", "en-GB", ("seen", "seen", "seen")),  # it was part of a blend
        ("piper:en-GB+alan", "en-GB", ("unseen", "seen", "unseen")),
        ("theo", "en-US", ("unseen", "seen", "unseen")),
        ("unknown", "en", ("unknown", "unknown", "unseen")),  # a recording that does not say who speaks, nor how
    ],
)
def test_unseen_is_whom_training_never_met(speaker, accent, expected):
    assert tuple(met([clip(speaker, accent)], TRAINED).values()) == expected


def test_one_known_speaker_makes_a_group_seen():
    some = [clip("piper:en-GB+alan", "de"), clip("espeak:en-US+m3", "de")]
    assert met(some, TRAINED) == {"speaker": "seen", "accent": "unseen", "engine": "seen"}


def test_unseen_is_never_a_guess():
    """No record, an old one, or one with clips that did not say who spoke: it cannot be known."""
    one = [clip("theo", "en-US")]
    for nothing in (None, {}, {"speakers": ["anna"]}):
        assert set(met(one, nothing).values()) == {"unknown"}
    vague = record([clip("unknown", "en")])
    assert met(one, vague) == {"speaker": "unknown", "accent": "unknown", "engine": "seen"}


def test_what_was_known_before_is_kept():
    later = record([clip("theo", "de")], before=TRAINED)
    assert set(later["speakers"]) == {"espeak:m3", "kokoro:bella", "kokoro:george", "theo"}
    assert set(later["engines"]) == {"espeak", "kokoro", "person"}


def test_who_began_from_an_unknown_recogniser_has_no_record():
    """Else everybody whom the first training met would be called unseen."""
    assert record([clip("theo", "de")], before={}) == {}


def test_a_voice_without_a_variant_is_its_own():
    assert source_speakers("flite:slt") == {"flite:slt"}
    assert source_speakers("s:12") == {"s:12"}
