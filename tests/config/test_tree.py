import shutil
import sys

import hydra
import pytest
from conftest import SMALL
from hydra.utils import instantiate
from omegaconf import OmegaConf

from speech.config import tree
from speech.training.run import train

GROUPS = [p for p in sorted(tree.CONF.iterdir()) if p.is_dir() and p.name not in ("hydra", "experiment", "search")]
OPTIONS = [(group.name, option.stem) for group in GROUPS for option in sorted(group.glob("*.yaml"))]
EXPERIMENTS = [path.stem for path in sorted((tree.CONF / "experiment").glob("*.yaml"))]


@pytest.mark.parametrize(("group", "option"), OPTIONS, ids=lambda name: name)
def test_every_option_of_every_group_is_instantiated(compose, tmp_path, recordings, group, option):
    primary = "lesson" if group == "lesson" else "train"
    chosen = [f"{group}={option}", f"run_dir={tmp_path}"]
    if (group, option) in (("corpus", "folder"), ("corpus", "enrolment")):
        chosen.append(f"corpus.root={recordings}")
    if (group, option) == ("corpus", "manifest"):
        (tmp_path / "clips.csv").write_text("path,text,speaker\n")
        chosen.append(f"corpus.path={tmp_path / 'clips.csv'}")
    node = compose(primary, *chosen)[group]
    if group == "trainer" and option == "gpu":
        node.accelerator = "cpu"  # what differs; this machine may have no GPU
    if group == "encoder":
        assert instantiate(node, n_features=20, n_symbols=29) is not None
    elif group == "logger":
        assert instantiate(node, save_dir=str(tmp_path)) is not None
    elif group == "callbacks":
        assert all(instantiate(child) is not None for child in node.values())
    else:
        assert instantiate(node) is not None


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_trains_two_steps(compose, tmp_path, recordings, small_run, experiment):
    changed = [*SMALL, "trainer.max_epochs=1", "trainer.limit_train_batches=2", "trainer.check_val_every_n_epoch=1"]
    if experiment == "digits":
        changed = [f"corpus.root={recordings}", *(c for c in changed if not c.startswith("corpus."))]
    if experiment in ("open", "people"):  # with Kokoro they are trained where it is installed
        changed.append("voices=espeak")
    if experiment == "open":
        changed += ["corpus.names=[]", "corpus.words.n=12", "corpus.n_held=2", "corpus.words.exclude=[Martin]"]
    if experiment in ("people", "enrol"):  # encoder and what is replayed are those of the run that it starts from
        changed = [c for c in changed if not c.startswith("encoder.")]
        changed += [f"init={small_run}", "replay.n_steps=2"]
    if experiment == "enrol":
        changed = [c for c in changed if not c.startswith("corpus.")]
        changed += [f"corpus.root={recordings}", "corpus.n_recordings=1"]
    composed = compose("train", f"experiment={experiment}", *changed, f"run_dir={tmp_path}")
    assert train(composed) >= 0
    assert (tmp_path / "recognizer.pt").is_file()


@pytest.mark.parametrize("search", [path.stem for path in (tree.CONF / "search").glob("*.yaml")])
def test_what_a_search_goes_through_exists(search, compose):
    with hydra.initialize_config_dir(str(tree.CONF), version_base="1.3"):
        composed = hydra.compose("train", [f"search={search}"], return_hydra_config=True)
    for key, values in composed.hydra.sweeper.params.items():
        for value in str(values).split(","):
            compose("train", f"{key}={value}")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("encoder.n_unit=8", "encoder: there is no 'n_unit'; did you mean 'n_units'"),
        ("encodr=gru", "there is no 'encodr'; did you mean 'encoder'"),
        ("encoder=gruu", "encoder: there is no 'gruu'; did you mean 'gru'"),
        ("encoder=rnn,lstn", "there is no 'lstn'; did you mean 'lstm'"),
        ("batchsize=8", "there is no 'batchsize'; did you mean 'batch_size'"),
        ("callbacks.best.monitr=x", "callbacks.best: there is no 'monitr'; did you mean 'monitor'"),
        ("+encoder.n_unit=8", "encoder: there is no 'n_unit'; did you mean 'n_units'"),
        ("+trainer.max_epoch=8", "trainer: there is no 'max_epoch'; did you mean 'max_epochs'"),
        ("+sede=1", "there is no 'sede'; did you mean 'seed'"),
        ("corpus.names=[Chloé]", "quote letters with accents"),
        (
            "encoder._target_=speech.model.encoder.Encodr",
            "encoder: _target_ 'speech.model.encoder.Encodr' is nothing that can",
        ),
        (
            "encoder._target_=speech.model.encoder",
            "encoder: _target_ 'speech.model.encoder' is nothing that can be made",
        ),
        ("encoder._target_=3", "encoder: _target_ 3 is nothing that can be made"),
    ],
)
def test_a_misspelt_key_on_the_command_line_is_named_with_the_nearest(compose, override, message):
    with pytest.raises(tree.ConfigError, match="(?s)" + message):
        compose("train", override)


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("experiment/quick.yaml", "sede: 1", "there is no 'sede'; did you mean 'seed'"),
        ("experiment/quick.yaml", "encoder: {n_unit: 8}", "encoder: there is no 'n_unit'; did you mean 'n_units'"),
        ("experiment/quick.yaml", "callbacks: {hear: {n_clips: 1}}", "there is no 'hear'; did you mean 'heard'"),
        ("frontend/mfcc.yaml", "n_mel: 20", "frontend: there is no 'n_mel'; did you mean 'n_mels'"),
        ("trainer/cpu.yaml", "max_epoch: 3", "trainer: there is no 'max_epoch'; did you mean 'max_epochs'"),
        ("voices/espeak.yaml", "pitches: 3", "voices: there is no 'pitches'; did you mean 'pitch'"),
    ],
)
def test_a_misspelt_key_in_a_file_is_named_with_the_nearest(compose, tmp_path, monkeypatch, file, line, message):
    shutil.copytree(tree.CONF, tmp_path / "conf")
    monkeypatch.setattr(tree, "CONF", tmp_path / "conf")
    compose("train", "experiment=quick")
    with (tmp_path / "conf" / file).open("a") as stream:
        stream.write(f"\n{line}\n")
    with pytest.raises(tree.ConfigError, match=message):
        compose("train", "experiment=quick")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("lesson=orc", "lesson: there is no 'orc'; did you mean 'ocr'"),
        ("lesson.n_epoch=1", "lesson: there is no 'n_epoch'; did you mean 'n_epochs'"),
        ("+lesson.n_epoch=1", "lesson: there is no 'n_epoch'; did you mean 'n_epochs'"),
        ("sede=[1]", "there is no 'sede'; did you mean 'seeds'"),
    ],
)
def test_a_misspelt_key_of_a_lesson_is_named_with_the_nearest(compose, override, message):
    with pytest.raises(tree.ConfigError, match=message):
        compose("lesson", override)


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("train", ["corpus=folder"], "error: corpus.root has no value, and nothing to fall back on: add corpus.root="),
        ("evaluate", ["corpus=manifest"], "error: corpus.path has no value"),
        ("evaluate", ["corpus.names=[Anna]"], "error: corpus.names: no corpus is chosen: give corpus=... as well"),
        ("transcribe", [], "error: clips has no value"),
    ],
)
def test_a_value_that_is_left_to_the_user_is_asked_for(monkeypatch, capsys, name, overrides, message):
    monkeypatch.setattr(sys, "argv", [name, *overrides])
    with pytest.raises(SystemExit) as ended:
        tree.run(name, lambda _: pytest.fail("it began without the value"))
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_every_primary_config_is_whole(compose):
    for path in tree.CONF.glob("*.yaml"):
        assert OmegaConf.is_dict(compose(path.stem))


@pytest.mark.parametrize(
    ("group", "overrides", "message"),
    [
        ("voices", ["voices.rate=[300,100]"], "error: voices.rate=[300, 100] must rise"),
        ("corpus", ["corpus=manifest", "corpus.path=no.csv"], "error: corpus.path=no.csv: no such manifest"),
    ],
)
def test_a_wrong_value_is_told_without_a_traceback(compose, tmp_path, capsys, group, overrides, message):
    composed = compose("train", *overrides, f"run_dir={tmp_path}")
    with pytest.raises(SystemExit) as ended:
        tree.explained(lambda: instantiate(composed[group]))
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_key_that_a_yaml_misspells_is_named_with_what_stands_there_instead(capsys):
    composed = OmegaConf.create({"batch_sise": 64, "seed": 0})
    OmegaConf.set_struct(composed, True)
    with pytest.raises(SystemExit):
        tree.explained(lambda: composed.batch_size)
    assert "there is no 'batch_size'; did you mean 'batch_sise'?" in capsys.readouterr().err
