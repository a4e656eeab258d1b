import pytest

from speech.evaluation.prediction import Prediction
from speech.evaluation.provenance import SeenInTraining, record, seen_in_training, source_speakers


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
        ("unknown", "en", ("unknown", "unknown", "unseen")),  # a recording that states neither speaker nor accent
    ],
)
def test_unseen_is_what_training_never_used(speaker, accent, expected):
    assert seen_in_training([clip(speaker, accent)], TRAINED) == SeenInTraining(*expected)


def test_one_known_speaker_makes_a_group_seen():
    some = [clip("piper:en-GB+alan", "de"), clip("espeak:en-US+m3", "de")]
    assert seen_in_training(some, TRAINED) == SeenInTraining("seen", "unseen", "seen")


def test_unseen_is_never_a_guess():
    """No record, an incomplete one, or one with clips that did not name the speaker: it cannot be known."""
    one = [clip("theo", "en-US")]
    for nothing in (None, {}, {"speakers": ["anna"]}):
        assert seen_in_training(one, nothing) == SeenInTraining("unknown", "unknown", "unknown")
    vague = record([clip("unknown", "en")])
    assert seen_in_training(one, vague) == SeenInTraining("unknown", "unknown", "seen")


def test_fine_tuning_adds_to_the_record():
    later = record([clip("theo", "de")], before=TRAINED)
    assert set(later["speakers"]) == {"espeak:m3", "kokoro:bella", "kokoro:george", "theo"}
    assert set(later["engines"]) == {"espeak", "kokoro", "person"}


def test_fine_tuning_a_recogniser_without_a_record_gives_none():
    """Else every speaker of the first training would be called unseen."""
    assert record([clip("theo", "de")], before={}) == {}


def test_a_voice_without_a_variant_is_its_own():
    assert source_speakers("flite:slt") == {"flite:slt"}
    assert source_speakers("s:12") == {"s:12"}
