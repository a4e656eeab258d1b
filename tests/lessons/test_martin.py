import json

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from speech.audio import files
from speech.backprop.check import Miss
from speech.backprop.linear import Linear
from speech.lessons import martin
from speech.lessons.run import lesson
from speech.training import attribution
from speech.tts.espeak import Espeak
from speech.tts.voice import Voice

FEW = ["lesson=martin", "seeds=[0]", "lesson.n_others=8", "lesson.n_voices=20", "lesson.rate=0.5"]


@pytest.fixture
def configured(compose, small_run, tmp_path):
    def make(*overrides):
        return compose("lesson", *FEW, f"lesson.recognizer={small_run}", f"run_dir={tmp_path}", *overrides)

    return make


def no_autograd(*_, **__):
    raise AssertionError("autograd was asked for a gradient")


def test_a_misheard_martin_is_spelt_in_the_end_without_autograd(configured, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(torch.autograd, "backward", no_autograd)
    monkeypatch.setattr(torch.Tensor, "backward", no_autograd)
    report = lesson(configured("lesson.n_steps=200"))
    assert report["figures"]["after"]["mean"] < report["figures"]["before"]["mean"]
    told = capsys.readouterr().out
    assert "martin is heard" in told
    assert all(layer in told for layer in ("MFCC", "convolution", "gru 1", "gru 2", "letters"))
    assert json.loads((tmp_path / "report.json").read_text()) == report
    assert all((tmp_path / f"{picture}.png").stat().st_size > 10_000 for picture in ("picture", "lattice", "sound"))
    events = EventAccumulator(str(tmp_path / "tensorboard" / "seed_0"))
    events.Reload()
    losses = [event.value for event in events.Scalars("loss")]
    assert losses[-1] < losses[0]
    assert {"contributions", "lattice", "sound"} <= set(events.Tags()["images"])
    assert "steps/text_summary" in events.Tags()["tensors"]


def test_a_recording_of_ones_own_is_taken(configured, tmp_path, capsys):
    samples, rate = Espeak().speak("Martin", Voice("espeak", "en-US", "f2"), np.random.default_rng(0))
    files.write(tmp_path / "mine.wav", files.to_waveform(samples, rate, 8_000), 8_000)
    lesson(configured(f"lesson.clip={tmp_path / 'mine.wav'}", "lesson.n_steps=1", "lesson.n_others=0"))
    assert "mine.wav" in capsys.readouterr().out


def test_a_recogniser_that_hears_phones_too_learns_the_letters(configured, make_recognizer, tmp_path, capsys):
    recognizer = make_recognizer(phones=True, n_units=16, n_layers=1)
    recognizer.save(tmp_path / "phonetic.pt")
    samples, rate = Espeak().speak("Martin", Voice("espeak", "en-US", "f2"), np.random.default_rng(0))
    files.write(tmp_path / "mine.wav", files.to_waveform(samples, rate, 8_000), 8_000)
    few = [f"lesson.clip={tmp_path / 'mine.wav'}", "lesson.n_steps=2", "lesson.n_others=0"]
    report = lesson(configured(f"lesson.recognizer={tmp_path / 'phonetic.pt'}", *few))
    assert "is heard" in capsys.readouterr().out
    assert report["figures"]["after"]["mean"] < report["figures"]["before"]["mean"]


def test_contributions_add_up_to_what_scaling_the_layer_would_change(small_run):
    """Euler: d loss(c x) / dc at c = 1 is the sum of x dloss/dx, by central differences of the logits' own loss."""
    recognizer = martin.Recognizer.load(small_run / "recognizer.pt")
    rng = np.random.default_rng(0)
    student = attribution.ClipBackprop(recognizer, rng.normal(scale=0.1, size=9_000).astype(np.float32))
    heard = student.listen("martin")
    logits = heard.chain.values["logits"]

    def loss(scale):
        chain = martin.Chain(values={"logits": logits * scale})
        said = [(torch.tensor([recognizer.alphabet.encode("martin")]), torch.tensor([6]))]
        return martin.spell(chain, torch.tensor([logits.shape[1]]), said, recognizer.n_symbols)

    slope = float(loss(1 + 1e-6) - loss(1 - 1e-6)) / 2e-6
    assert float(heard.contributions("logits").sum()) == pytest.approx(slope, rel=1e-6)


def test_a_wrong_gradient_stops_the_lesson(configured, monkeypatch):
    right = Linear.backward
    monkeypatch.setattr(
        Linear, "backward", staticmethod(lambda saved, g: (right(saved, g)[0], *right(saved, 2 * g)[1:]))
    )
    with pytest.raises(Miss, match=r"the gradient of encoder\.output"):
        lesson(configured("lesson.n_steps=1"))


def test_where_nothing_is_misheard_a_way_out_is_told(configured, monkeypatch):
    taught = instantiate(configured().lesson)
    recognizer = martin.Recognizer.load(martin.find_recognizer(taught.recognizer, ""))
    monkeypatch.setattr(type(recognizer.alphabet), "decode", lambda *_: "martin")
    with pytest.raises(ValueError, match=r"heard rightly in all of 20 voices: give a clip .*lesson\.clip=FILE"):
        taught.misheard(recognizer, np.random.default_rng(0))
