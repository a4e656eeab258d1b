import shutil

import numpy as np
import pytest
from omegaconf import OmegaConf

from speech.audio import files
from speech.audio.endpointing import trim_silence
from speech.config import compose
from speech.config.objects import instantiate
from speech.text.names import Name
from speech.training.unseen_voices import spoken, unseen_voices
from speech.tts.espeak import Espeak
from speech.tts.voice import Voice


def test_a_run_is_asked_with_voices_of_its_tests(small_run):
    voices, whose = unseen_voices(small_run / "recognizer.pt", 8, seed=0)
    assert whose == "that it did not train with"
    splits = instantiate(compose.saved(small_run, "train").corpus).split_voices()
    assert len(voices) == 8
    assert not {voice.variant for voice in voices} & {voice.variant for voice in splits["train"] + splits["val"]}
    assert unseen_voices(small_run / "recognizer.pt", 8, seed=0)[0] == voices


@pytest.mark.parametrize(
    "corpus",
    [
        {"_target_": "speech.data.enrolment.Enrolment", "root": "gone"},
        {"engine": {"_target_": "speech.tts.kokoro.Kokoro", "folder": "gone"}},
        {"engine": {"_target_": "speech.tts.kokoro.Gone"}},
        {"engine": "${no_such_key}"},
        {"n_val_variants": 10_000},
        None,
    ],
    ids=["recordings", "kokoro", "engine", "interpolation", "variants", "no config"],
)
def test_a_run_whose_voices_are_gone_is_asked_with_any_of_espeaks(small_run, tmp_path, corpus):
    if corpus:
        shutil.copy(small_run / "config.yaml", tmp_path)
        config = OmegaConf.load(tmp_path / "config.yaml")
        config.corpus = corpus if "_target_" in corpus else {**config.corpus, **corpus}
        OmegaConf.save(config, tmp_path / "config.yaml")
    voices, whose = unseen_voices(tmp_path / "recognizer.pt", 2, seed=0)
    assert len(voices) == 2
    assert whose == "of espeak, which it may have trained with"


def test_each_name_is_said_by_each_voice_in_one_of_its_pronunciations(monkeypatch):
    said, speak = [], Espeak.speak
    monkeypatch.setattr(Espeak, "speak", lambda self, text, *rest: said.append(text) or speak(self, text, *rest))
    voices = [Voice("espeak", "en-US", variant) for variant in ("f1", "m1")]
    found = list(spoken(["Mark", Name("Niamh", ["neev"])], voices, 16_000, seed=0))
    assert [i for i, _ in found] == [0, 1, 0, 1]
    assert said == ["Mark", "neev", "Mark", "neev"]
    raw = files.to_waveform(*speak(Espeak(), "Mark", voices[0], np.random.default_rng(0)), 16_000)
    # espeak's samples depend a little on what it said before.
    assert len(found[0][1]) == pytest.approx(len(trim_silence(raw, 16_000)[0]), abs=320)
