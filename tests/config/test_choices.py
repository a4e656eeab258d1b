import re
import shlex

import numpy as np
import pytest
import pytorch_lightning.loggers
from conftest import SMALL
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from speech.audio import files
from speech.config import tree
from speech.config.check import check_overrides
from speech.config.help import header
from speech.config.objects import instantiate
from speech.data import pronunciations
from speech.data.shards import Summary
from speech.model.recognizer import Recognizer
from speech.training.corpora import make_data
from speech.training.run import train

FILES = sorted(path.relative_to(tree.CONF) for path in tree.CONF.rglob("*.yaml"))
FILES = [path for path in FILES if path.parts[0] != "hydra"]
PARTS = [path for path in FILES if path.parent.name not in ("", "experiment", "search", "shared")]
EXPERIMENTS = [path for path in FILES if path.parent.name == "experiment"]


def opening(path):
    """The config and the options of the commands that a YAML opens with."""
    for example in header(tree.CONF / path).examples:
        module, *options = shlex.split(example.removeprefix("python -m speech."))
        yield module, [option for option in options if option != "-m"]


def raw(path):
    return OmegaConf.to_container(OmegaConf.load(tree.CONF / path))


@pytest.mark.parametrize("path", [path for path in FILES if path not in PARTS + EXPERIMENTS], ids=str)
def test_every_file_opens_with_commands_that_compose(compose, path):
    commands = list(opening(path))
    assert commands
    for command in commands:
        assert OmegaConf.is_dict(compose(command[0], *command[1]))


@pytest.mark.parametrize("path", PARTS, ids=str)
def test_every_choice_is_made_by_the_command_it_opens_with(compose, tmp_path, recordings, cache, monkeypatch, path):
    manifest = tmp_path / "FILE.csv"
    manifest.write_text("path,text,speaker\n")
    ((primary, options),) = opening(path)
    root = recordings
    if path.stem == "shar":
        root = tmp_path / "shards"
        root.mkdir()
        Summary("corpus", None, "abc", 16_000, {}, []).write(root)
    options = [option.replace("DIR", str(root)).replace("FILE", str(manifest)) for option in options]
    options += {"train": [f"run_dir={tmp_path}"], "synthesize": [f"cache_dir={cache}"]}.get(primary, [])
    group = path.parent.name
    node = compose(primary, *options)[group]
    for source in node.get("sources", {}).values():  # of every variety some names: to read all takes seconds
        if "words" in source:
            source.words.update(n=100, n_phrases=10)
    names_of = pronunciations._Names._locale
    monkeypatch.setattr(pronunciations._Names, "_locale", lambda names, locale: names_of(names, locale)[:20])
    more = {"encoder": {"n_features": 20, "n_symbols": 29}}.get(group, {})
    if path.stem == "gpu":
        node.accelerator = "cpu"  # what differs; this machine may have no GPU
    if path.stem in ("mlflow", "wandb"):  # whose packages come by an extra; tests/training/test_trainer_options.py logs
        assert getattr(pytorch_lightning.loggers, node["_target_"].rpartition(".")[2])
        return
    for child in node.values() if group == "callbacks" else [node]:
        assert instantiate(child, **more) is not None


FEW = [option for option in SMALL if option.startswith("corpus.")]  # clips of two names
SCRATCH = ["encoder.n_units=16"]  # which is no other's
WORDS = ["corpus.words.n=12", "corpus.words.exclude=[Martin]", "corpus.n_held=2"]
MIXED = ["synthetic.words.n=12", "synthetic.words.n_phrases=2", "synthetic.words.exclude=[Martin]"]
MIXED += ["foreign.words.n=8", "foreign.words.n_phrases=1"]
MIXED += ["foreign.words.varieties=[{name: ita, locales: [it_IT], espeak: it}]"]
MIXED += [f"{one}.{few}" for one in ("synthetic", "foreign") for few in ("n_held=2", "n_train_words=1")]
OF_FILE = ("path=FILE", "val_speakers=1", "test_speakers=1")
MIXED += [f"{one}.{few}" for one in ("running", "isolated") for few in OF_FILE]
MIXED = [f"corpus.sources.{option}" for option in MIXED]
MIXED += [f"~corpus.{of}.{one}" for of in ("sources", "weights") for one in ("natural", "natural_foreign")]  # Kokoro's
TWO_STEPS = {  # of each experiment, whose command brings DIR, FILE and RUN_DIR along
    "digits": SCRATCH,
    "enrol": ["replay.n_steps=2"],
    "list": [*FEW, *WORDS, "init=RUN_DIR"],
    "lstm": [*FEW, *SCRATCH],
    "open": [*FEW, *SCRATCH, *WORDS, "corpus.names=[]", "voices=espeak"],
    "overfit": [*FEW, *SCRATCH],
    "people": [*FEW, "replay.n_steps=2", "voices=espeak"],
    "pretrained": [*MIXED, *SCRATCH],
    "quick": [*FEW, *SCRATCH],
    "rnn": [*FEW, *SCRATCH],
    "streaming": [*MIXED, "corpus.sources.sentences.path=SENTENCES", "concatenate.batch_s=16"],
}


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_every_experiment_trains_two_steps(compose, tmp_path, recordings, small_run, path):
    words = [f"{one},{one.parent.name},{one.name.partition('_')[0]}" for one in sorted(recordings.glob("*/*.wav"))]
    (tmp_path / "words.csv").write_text("\n".join(["path,text,speaker", *words]))
    places = {"DIR": recordings, "RUN_DIR": small_run, "FILE": tmp_path / "words.csv", "names.txt": "[Martin,Mark]"}
    places["SENTENCES"] = sentences(recordings, tmp_path)
    ((_, options),) = opening(path)
    if path.stem == "streaming":  # whose own corpus is not the one that its command has
        options = options[:1]
    given = [option.partition("=") for option in [*options, *TWO_STEPS[path.stem]]]
    small = [option for option in SMALL if not option.startswith(("corpus.", "encoder.", "trainer."))]
    placed = (f"{key}{equals}{places.get(value, value)}" for key, equals, value in given)
    config = compose("train", *small, "trainer=debug", *placed, f"run_dir={tmp_path}")
    assert train(config) >= 0
    recognizer = Recognizer.load(tmp_path / "recognizer.pt")
    if path.stem == "streaming":
        assert recognizer.streams
        (batch, *_) = make_data(config, recognizer).train_dataloader()
        assert any("+" in id for id in batch.ids), "short clips are strung together"
        assert any(id.startswith("sentences-") and "+" not in id for id in batch.ids), "sentences are whole"


def sentences(recordings, folder):
    """A manifest of what each speaker of ``recordings`` says one after the other, 3 s long and more."""
    rows = ["path,text,speaker"]
    for speaker in sorted({path.name.partition("_")[0] for path in recordings.glob("*/*.wav")}):
        words = [files.read(path, 16_000) for path in sorted(recordings.glob(f"*/{speaker}_*.wav"))] * 2
        files.write(folder / f"{speaker}.flac", np.concatenate(words), 16_000)
        rows.append(f"{speaker}.flac,one one two two one one two two,{speaker}")
    (folder / "sentences.csv").write_text("\n".join(rows))
    return folder / "sentences.csv"


def test_what_a_search_goes_through_exists():
    for path in (tree.CONF / "search").glob("*.yaml"):
        for key, values in raw(path)["hydra"]["sweeper"]["params"].items():
            override = OverridesParser.create().parse_override(f"{key}={values}")
            found = override.value()
            discrete = override.is_discrete_sweep()
            for value in override.sweep_string_iterator() if discrete else (found.start, found.end):
                check_overrides("train", [f"{key}={value}"])


def test_own_values_stand_over_the_parts_and_under_experiment_and_search():
    for path in tree.CONF.rglob("*.yaml"):
        if defaults := raw(path).get("defaults"):
            laid_over = [{"experiment": None}, {"search": None}] if path.stem == "train" else []
            assert "_self_" in defaults, path
            assert defaults[defaults.index("_self_") + 1 :] == laid_over, path


def test_no_list_and_no_shared_setting_stands_twice():
    shared = {key: value for path in FILES if path.parent.name == "shared" for key, value in raw(path).items()}
    for path in tree.CONF.glob("*.yaml"):
        assert not {key for key, value in raw(path).items() if (key, value) in list(shared.items())}, path
    text = "".join((tree.CONF / path).read_text() for path in FILES)
    lists = re.findall(r"\[((?:\w+,\s*){3,}\w+)\]", re.sub("#.*", "", text))
    assert len(lists) == len(set(lists))
    assert all(found.count(",") < 10 for found in lists), "long lists are text files"
    assert text.count("abcdefghijklmnopqrstuvwxyz'") == 1


def test_text_files_are_found_from_anywhere_and_written_out(compose, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names = (tree.CONF / "names.txt").read_text().split()
    words = OmegaConf.to_container(compose("train", "corpus=words"))["corpus"]["words"]["exclude"]
    assert OmegaConf.to_container(compose("train"))["corpus"]["names"] == names == words[: len(names)]
    assert {"Martin", "zero", "yes"} <= set(words)
