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


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_every_experiment_trains_two_steps(compose, tmp_path, recordings, small_run, path):
    changed = {option.split("=")[0].lstrip("+"): option for option in SMALL}
    changed |= {"trainer": "trainer=debug", "run": f"run_dir={tmp_path}", "voices": "voices=espeak"}
    ((_, options),) = opening(path)
    changed |= {option.split("=")[0]: option for option in options if not option.startswith("corpus.names")}
    if path.stem == "open":
        changed |= {
            "corpus.names": "corpus.words.n=12",
            "n_held": "corpus.n_held=2",
            "list": "corpus.words.exclude=[Martin]",
        }
    if path.stem == "list":
        changed |= {"init": f"init={small_run}", "words": "corpus.words.n=12", "n_held": "corpus.n_held=2"}
        del changed["encoder.n_units"]
    if path.stem in ("pretrained", "streaming"):
        manifest = tmp_path / "manifest.csv"
        rows = [f"{one},{one.parent.name},{one.name.partition('_')[0]}" for one in sorted(recordings.glob("*/*.wav"))]
        manifest.write_text("\n".join(["path,text,speaker", *rows]))
        changed = {key: option for key, option in changed.items() if not key.startswith("corpus.")}
        of = {"synthetic": ["words.n=12", "words.n_phrases=2", "words.exclude=[Martin]", "n_held=2", "n_train_words=1"]}
        of["foreign"] = [
            "words.n=8",
            "words.n_phrases=1",
            "n_held=2",
            "n_train_words=1",
            "words.varieties=[{name: ita, locales: [it_IT], espeak: it}]",
        ]
        of |= {key: [f"path={manifest}", "val_speakers=1", "test_speakers=1"] for key in ("running", "isolated")}
        if path.stem == "streaming":
            of["sentences"] = [f"path={sentences(recordings, tmp_path)}"]
            changed = {key: option for key, option in changed.items() if key not in ("encoder.n_units", "corpus")}
            changed["seconds"] = "concatenate.batch_s=16"
        own = [f"corpus.sources.{source}.{option}" for source, options in of.items() for option in options]
        changed |= {option: option for option in own}
        for source in ("natural", "natural_foreign"):  # Kokoro is installed by hand
            changed |= {key: f"~corpus.{key}" for key in (f"sources.{source}", f"weights.{source}")}
    elif "corpus.root" in changed:  # recordings: nothing of the small corpus is theirs
        changed = {key: option for key, option in changed.items() if not key.startswith("corpus.")}
        changed["corpus.root"] = f"corpus.root={recordings}"
    if "init" in changed and path.stem not in ("list", "streaming"):  # the encoder is the initial run's
        changed |= {"init": f"init={small_run}", "encoder.n_units": "replay.n_steps=2"}
    changed.pop("trainer.max_epochs")
    config = compose("train", *changed.values())
    assert train(config) >= 0
    assert (tmp_path / "recognizer.pt").is_file()
    if path.stem == "streaming":
        recognizer = Recognizer.load(tmp_path / "recognizer.pt")
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
