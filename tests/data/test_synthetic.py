from collections import Counter

import numpy as np
import pytest
from small_sources import make_synthetic

from speech.data.source import CorpusError
from speech.text.alphabet import Alphabet
from speech.tts.espeak import Espeak
from speech.tts.mix import Mix
from speech.tts.voice import Voice

ALPHABET = Alphabet()
SIOBHAN = {"text": "Siobhan", "say": ["shivawn", "/ʃɪˈvɔːn/"]}


def of(items, split):
    return [item for item in items if item.split == split]


def test_splits_share_no_variant_and_the_unseen_accent_is_in_one():
    splits = make_synthetic().split_voices()
    variants = {split: {voice.variant for voice in voices} for split, voices in splits.items()}
    assert not variants["train"] & variants["val"]
    assert not (variants["train"] | variants["val"]) & (variants["unseen_speakers"] | variants["unseen_accent"])
    for split, voices in splits.items():
        accents = {voice.accent for voice in voices}
        assert accents == {"en-GB-x-lancs"} if split == "unseen_accent" else "en-GB-x-lancs" not in accents


def test_each_clip_has_an_id_and_each_training_clip_a_speaker_of_its_own():
    items, refused = make_synthetic(n_train=12).items(ALPHABET)
    assert not refused
    assert len({item.id for item in items}) == len(items) == 2 * (12 + 2 + 3 + 3)
    assert len({item.speaker for item in of(items, "train")}) == 2 * 12
    assert {bool(item.voice.shift_seed) for item in items if item.split != "train"} == {False}


def test_voices_are_drawn_again_where_there_are_too_few():
    n_voices = len(make_synthetic().split_voices()["train"])
    items, _ = make_synthetic(names=["Martin"], n_train=n_voices + 5).items(ALPHABET)
    training = Counter((item.voice.accent, item.voice.variant) for item in of(items, "train"))
    assert sorted(training.values()) == [1] * (n_voices - 5) + [2] * 5
    assert len({item.id for item in items}) == len(items)


def test_another_name_changes_no_other_names_clips():
    items, more = (make_synthetic(names=names).items(ALPHABET)[0] for names in (["Bo", "Al"], ["Anna", "Bo", "Al"]))
    assert items == [item for item in more if item.text != "Anna"]


def test_held_words_are_in_every_split_but_training_and_are_no_names():
    source = make_synthetic(names=["Chloé"], words=["bread", "chloe", "stone", "river"], n_held=1, n_train_words=4)
    items, _ = source.items(ALPHABET)
    assert source.names == ["Chloé"]
    assert Counter(item.text for item in of(items, "train")) == {"Chloé": 6, "stone": 4, "river": 4}
    for split, n in (("val", 2), ("unseen_speakers", 3), ("unseen_accent", 3)):
        assert Counter(item.text for item in of(items, split)) == {"Chloé": n, "bread": n}, "no word is a name"


def test_a_clip_has_one_of_the_pronunciations_given_for_its_name():
    items, _ = make_synthetic(names=["Martin", SIOBHAN], n_train=30).items(ALPHABET)
    said = Counter((item.text, item.say) for item in of(items, "train"))
    assert set(said) == {("Martin", "Martin"), *(("Siobhan", way) for way in SIOBHAN["say"])}
    assert min(said.values()) > 5


def test_homophones_are_warned_of(capsys):
    make_synthetic(names=["Lori", "Mark", "Laurie"])
    assert "warning: Lori and Laurie are homophones" in capsys.readouterr().err


class Bells:
    """A second engine, real but small: tones, three voices of one accent."""

    identity = "bells"

    def voices(self):
        return [Voice("bells", "en-US", name) for name in "abc"]

    def speak(self, text, voice, rng):
        return np.sin(np.arange(8_000) * (0.1 + rng.random())).astype(np.float32), 16_000


MIX = {"engine": Mix({"espeak": Espeak(), "bells": Bells()}, {"espeak": 1, "bells": 3})}
MIX |= {"n_val_variants": 1, "n_test_variants": {"espeak": 2, "bells": 1}}


def test_an_epoch_has_each_engine_by_its_weight():
    items, _ = make_synthetic(**MIX, n_train={"espeak": 8, "bells": 2}).items(ALPHABET)
    assert {item.voice.engine for item in of(items, "unseen_speakers")} == {"espeak", "bells"}
    training = of(items, "train")
    weight = {name: sum(item.weight for item in training if item.voice.engine == name) for name in ("espeak", "bells")}
    assert weight["bells"] == pytest.approx(3 * weight["espeak"])
    assert sum(weight.values()) == pytest.approx(len(training)), "an epoch is as long as there are clips"
    assert {item.weight for item in items if item.split != "train"} == {1.0}


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"names": []}, ValueError, "list of names is empty"),
        ({"names": ["Zoe", "Zoë"]}, ValueError, "'Zoe' and 'Zoë' are both 'zoe'"),
        ({"names": ["R2D2"]}, ValueError, "'R2D2'"),
        ({"names": [{"text": "Sz", "say": "/ʂ/"}]}, ValueError, "'ʂ', character 1"),
        ({"unseen_accent": "en-XX"}, CorpusError, "unseen_accent='en-XX' is not one of"),
        ({"n_test_variants": 500}, CorpusError, "leaves none"),
        (MIX | {"n_train": {"espeak": 8}}, CorpusError, "bells has a weight in voices.weights but no training clip"),
    ],
)
def test_a_source_that_cannot_be_a_corpus_is_refused(changed, error, message):
    with pytest.raises(error, match=message):
        make_synthetic(**changed).items(ALPHABET)
