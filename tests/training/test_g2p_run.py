"""A tiny model learns twenty words in two varieties, goes on where it was stopped, and is exported."""

import pytest
import torch
from omegaconf import OmegaConf

from speech.config.compose import compose
from speech.config.tree import ConfigError
from speech.data.pronunciations import COMMON, Entry, Pronunciations
from speech.inference.g2p import G2PRuntime
from speech.text.spelling import encode
from speech.training.g2p import run

SIZES = {"n_embedding": 24, "n_language": 4, "n_classifier": 16, "n_units": 24, "n_layers": 1, "dropout": 0.0}
WORDS = ["anna", "beno", "dido", "emil", "gita", "hana", "ivan", "jana", "lena", "milo", "nora", "olga", "pavel"]
WORDS += ["tomi", "uta", "vida", "zoja", "ada", "bora", "kira"]
SOUNDS = [{"j": "j", "z": "z", "v": "v"}, {"j": "dʒ", "z": "s", "v": "f"}]  # of letters, in each variety
OTHERS = {"r": "ɹ", "a": "a", "e": "ɛ", "i": "i", "o": "o", "u": "u", "g": "ɡ"}


def entries():
    for variety, sounds in enumerate(SOUNDS):
        for word in WORDS[variety::2]:
            reading = tuple({**OTHERS, **sounds}.get(letter, letter) for letter in word)
            yield Entry(word, encode(word), variety, COMMON, [reading])


def config_of(run_dir, *more):
    config = compose("g2p", [f"run_dir={run_dir}", "batch_size=16", "batches_per_epoch=60", "unmarked=0", *more])
    OmegaConf.set_struct(config, False)
    config.model.update(SIZES)
    config.varieties = [{"name": "one"}, {"name": "two"}]
    config.optimizer.lr = 0.02
    return config


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of a short training."""
    run_dir = tmp_path_factory.mktemp("g2p")
    corpus = Pronunciations(list(entries()), list(entries())[:4], {})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(run, "read_corpus", lambda config: corpus)
        run.train(config_of(run_dir, "trainer.max_epochs=3"))
    return run_dir


def test_it_learns_its_words_and_writes_them_into_a_file(folder):
    model = G2PRuntime(folder / "g2p.onnx")
    found = model.pronunciations_of([entry.text for entry in entries()])
    right = [entry.readings[0] in [one.phones for one in some] for some, entry in zip(found, entries(), strict=True)]
    assert sum(right) >= 18
    assert model.varieties == ["one", "two"]
    for some in found:
        assert 1 <= len(some) <= 8
        assert sum(one.probability for one in some) == pytest.approx(1)
        assert [one.probability for one in some] == sorted((one.probability for one in some), reverse=True)


def test_it_goes_on_from_where_it_was(folder, capsys):
    run.fit(config_of(folder, "trainer.max_epochs=4"), Pronunciations(list(entries()), [], {}), resume=True)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch")]
    assert [line.split()[1] for line in lines] == ["3"]


@pytest.mark.parametrize(
    ("trainer", "message"),
    [
        ("ddp", r"trainer=ddp: this model is trained in one process: use trainer=cpu"),
        ("gpu", r"trainer\.accelerator=gpu: torch finds no GPU here: use trainer=cpu"),
    ],
)
def test_a_trainer_that_cannot_be_is_told_before_the_words_are_read(trainer, message, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=f"^{message}"):
        run.train(config_of(tmp_path / "run", f"trainer={trainer}"))
    assert not (tmp_path / "run").exists()
