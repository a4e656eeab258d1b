import json

import numpy as np
import pytest
from commands import run_command
from spoken import speak
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from speech.audio import files
from speech.backprop.check import Miss
from speech.backprop.linear import Linear
from speech.config.objects import instantiate
from speech.lessons import martin
from speech.lessons.result import Place
from speech.lessons.run import run
from speech.model.recognizer import Recognizer
from speech.training.attribution import ClipBackprop

FEW = ["lesson=martin", "lesson.n_others=8", "lesson.n_voices=20", "lesson.rate=0.5"]


@pytest.fixture
def configured(compose, small_run):
    """A function that makes the lesson, with settings laid over FEW."""
    return lambda *overrides: instantiate(compose("lesson", *FEW, f"lesson.recognizer={small_run}", *overrides).lesson)


@pytest.fixture
def lesson(configured, tmp_path):
    """A function that runs it, and returns its report."""
    return lambda *overrides: run(configured(*overrides), Place(tmp_path, [0], None, tmp_path))


@pytest.fixture
def mine(tmp_path):
    """The override that names a recording of one's own."""
    samples, rate = speak("Martin", "f2")
    files.write(tmp_path / "mine.wav", files.to_waveform(samples, rate, 8_000), 8_000)
    return f"lesson.clip={tmp_path / 'mine.wav'}"


def test_a_misrecognised_martin_is_right_in_the_end_without_autograd(lesson, no_autograd, tmp_path, capsys):
    report = lesson("lesson.n_steps=200", "lesson.rate=2")  # a picture for each hypothesis: eight of them
    assert report["figures"]["after"]["mean"] < report["figures"]["before"]["mean"]
    told = capsys.readouterr().out
    assert "hypothesis martin, " in told
    assert all(layer in told for layer in ("MFCC", "convolution", "gru 1", "gru 2", "letters"))
    assert json.loads((tmp_path / "report.json").read_text()) == report
    assert all((tmp_path / f"{picture}.png").stat().st_size > 10_000 for picture in ("picture", "lattice", "sound"))
    events = EventAccumulator(str(tmp_path / "tensorboard" / "seed_0"))
    events.Reload()
    losses = [event.value for event in events.Scalars("loss")]
    assert losses[-1] < losses[0]
    assert {"contributions", "lattice", "sound"} <= set(events.Tags()["images"])
    assert "steps/text_summary" in events.Tags()["tensors"]


def test_the_command_takes_a_recording_of_ones_own(mine, small_run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    given = [*FEW, f"lesson.recognizer={small_run}", mine, "lesson.n_steps=1", "lesson.n_others=6", "seeds=[0]"]
    run_command("lesson", *given)
    told = capsys.readouterr().out
    assert f"Martin, said by {mine.partition('=')[2]}; hypothesis: " in told
    assert "Exact matches in 6 clips of other voices: " in told


def test_a_recogniser_of_letters_and_phones_trains_the_letters(lesson, make_recognizer, mine, tmp_path):
    make_recognizer(phones=True, n_units=16, n_layers=1).save(tmp_path / "phonetic.pt")
    report = lesson(f"lesson.recognizer={tmp_path / 'phonetic.pt'}", mine, "lesson.n_steps=2", "lesson.n_others=0")
    assert report["figures"]["after"]["mean"] < report["figures"]["before"]["mean"]


def test_without_names_a_recognised_clip_is_contrasted_with_another_name(
    lesson, make_recognizer, mine, tmp_path, monkeypatch
):
    def stop(_, *words):
        raise LookupError(*words)

    make_recognizer(names=(), n_units=4, n_layers=1).save(tmp_path / "open.pt")
    monkeypatch.setattr(ClipBackprop, "_letters", lambda *_: "martin")
    monkeypatch.setattr(martin, "draw_sound", stop)
    with pytest.raises(LookupError, match=r"'martin', 'marvin'"):
        lesson(f"lesson.recognizer={tmp_path / 'open.pt'}", mine, "lesson.n_others=0")


def test_a_clip_that_cannot_be_learnt_from_is_named_with_the_way_out(lesson, mine, tmp_path):
    path = tmp_path / "mine.wav"
    with pytest.raises(ValueError, match=rf"{path}: too short for {30 * 'Martin'}: give a clip .*lesson\.clip=FILE"):
        lesson(mine, f"lesson.name={30 * 'Martin'}", "lesson.n_others=0")
    files.write(path, np.zeros(16_000, dtype=np.float32), 16_000)
    with pytest.raises(ValueError, match=rf"{path}: no speech found: .* give another clip \(lesson\.clip=FILE\)"):
        lesson(mine, "lesson.n_others=0")


def test_a_wrong_gradient_stops_the_lesson(lesson, monkeypatch):
    right = Linear.backward
    monkeypatch.setattr(
        Linear, "backward", staticmethod(lambda saved, g: (right(saved, g)[0], *right(saved, 2 * g)[1:]))
    )
    with pytest.raises(Miss, match=r"the gradient of encoder\.output"):
        lesson("lesson.n_steps=1")


def test_where_every_voice_is_recognised_a_way_out_is_told(configured, small_run, monkeypatch):
    recognizer = Recognizer.load(small_run / "recognizer.pt")
    monkeypatch.setattr(type(recognizer.alphabet), "decode", lambda *_: "martin")
    with pytest.raises(ValueError, match=r"recognised in all of 20 voices: give a clip .*lesson\.clip=FILE"):
        configured().misrecognised(recognizer, np.random.default_rng(0))
