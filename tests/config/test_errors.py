import shutil
import sys

import pytest
from omegaconf import OmegaConf

from speech.config import command, tree
from speech.config.check import check_overrides
from speech.config.objects import instantiate


@pytest.mark.parametrize(
    ("name", "override", "message"),
    [
        ("train", "encoder.n_unit=8", "encoder: there is no 'n_unit'; did you mean 'n_units'"),
        ("train", "encodr=gru", "there is no 'encodr'; did you mean 'encoder'"),
        ("train", "encoder=gruu", "encoder: there is no 'gruu'; did you mean 'gru'"),
        ("train", "encoder=rnn,lstn", "there is no 'lstn'; did you mean 'lstm'"),
        ("train", "batchsize=8", "there is no 'batchsize'; did you mean 'batch_size'"),
        ("train", "resum=DIR", "there is no 'resum'; did you mean 'resume'"),
        ("train", "callbacks.best.monitr=x", "callbacks.best: there is no 'monitr'; did you mean 'monitor'"),
        ("train", "+encoder.n_unit=8", "encoder: there is no 'n_unit'; did you mean 'n_units'"),
        ("train", "+trainer.max_epoch=8", "trainer: there is no 'max_epoch'; did you mean 'max_epochs'"),
        ("train", "+sede=1", "there is no 'sede'; did you mean 'seed'"),
        ("train", "encoder=null", "encoder=null: a part is left out by '~encoder'"),
        ("train", "é=3", "quote letters with accents"),
        (
            "train",
            "encoder._target_=speech.model.encoder.Encodr",
            "encoder: _target_ 'speech.model.encoder.Encodr' is nothing that",
        ),
        (
            "train",
            "encoder._target_=speech.model.encoder",
            "encoder: _target_ 'speech.model.encoder' is nothing that can",
        ),
        ("train", "encoder._target_=3", "encoder: _target_ 3 is nothing that can be made"),
        ("lesson", "lesson=orc", "lesson: there is no 'orc'; did you mean 'ocr'"),
        ("lesson", "+lesson.n_epoch=1", "lesson: there is no 'n_epoch'; did you mean 'n_epochs'"),
        ("lesson", "sede=[1]", "there is no 'sede'; did you mean 'seeds'"),
        ("transcribe", "seed=1", "transcribe.yaml: there is no 'seed'"),
        ("train", "names=[Anna,Bob]", "train.yaml: there is no 'names'; did you mean 'corpus.names'"),
        ("train", "n_units=8", "there is no 'n_units'; did you mean 'encoder.n_units'"),
        ("report", "encoder=gru", "report.yaml: there is no 'encoder'; there are: n_clips, output, run, runs_dir"),
        ("enrol", "output=x.json", "enrol.yaml: there is no 'output'; there are: clips, file, name"),
        ("transcribe", "json=maybe", "json=maybe: true or false is needed, as json=false"),
        ("train", "encoder.bidirectional=1", "encoder.bidirectional=1: true or false is needed"),
        ("train", "seed=x", "seed=x: a number is needed, as seed=0"),
        ("train", "seed=1,x", "seed=x: a number is needed"),
        ("train", "encoder.dropout=true", "encoder.dropout=true: a number is needed, as encoder.dropout=0.0"),
        ("train", "featured=Martin", r"featured=Martin: a list is needed, as featured=\['?Martin'?, "),
        ("train", "voices.rate=200", r"voices.rate=200: a list is needed, as voices.rate=\[120, 220\]"),
        ("synthesize", "n_voices=1.5", "n_voices=1.5: a whole number, 0 or more is needed, as n_voices=5"),
        ("confusable", "n_pairs=-1", "n_pairs=-1: a whole number, 0 or more is needed"),
    ],
)
def test_a_misspelt_option_is_named_with_the_nearest(compose, name, override, message):
    with pytest.raises(tree.ConfigError, match="(?s)" + message):
        compose(name, override)


@pytest.mark.parametrize(
    "override",
    ["trainer.devices=auto", "corpus.n_train={espeak: 2}", "frontend.n_mfcc=null", "encoder.stride=${seed}", "seed=1"],
)
def test_a_value_of_another_kind_is_taken_where_one_is_meant(override):
    check_overrides("train", [override])


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("experiment/quick.yaml", "sede: 1", "there is no 'sede'; did you mean 'seed'"),
        ("experiment/quick.yaml", "encoder: {n_unit: 8}", "encoder: there is no 'n_unit'; did you mean 'n_units'"),
        ("experiment/quick.yaml", "callbacks: {histogram: {n_clips: 1}}", "no 'histogram'; did you mean 'histograms'"),
        ("frontend/mfcc.yaml", "n_mel: 20", "frontend: there is no 'n_mel'; did you mean 'n_mels'"),
        ("trainer/cpu.yaml", "max_epoch: 3", "trainer: there is no 'max_epoch'; did you mean 'max_epochs'"),
        ("voices/espeak.yaml", "pitches: 3", "voices: there is no 'pitches'; did you mean 'pitch'"),
    ],
)
def test_a_misspelt_key_of_a_file_is_named_with_the_nearest(compose, tmp_path, monkeypatch, file, line, message):
    shutil.copytree(tree.CONF, tmp_path / "conf")
    monkeypatch.setattr(tree, "CONF", tmp_path / "conf")
    with (tmp_path / "conf" / file).open("a") as stream:
        stream.write(f"\n{line}\n")
    with pytest.raises(tree.ConfigError, match=message):
        compose("train", "experiment=quick")


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
        command.run(name, lambda _: pytest.fail("it began without the value"))
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("group", "overrides", "message"),
    [
        ("voices", ["voices.rate=[300,100]"], "error: voices.rate=[300, 100] must be two numbers that rise"),
        ("corpus", ["corpus=manifest", "corpus.path=no.csv"], "error: corpus.path=no.csv: no such manifest"),
    ],
)
def test_a_wrong_value_is_told_without_a_traceback(compose, tmp_path, capsys, group, overrides, message):
    composed = compose("train", *overrides, f"run_dir={tmp_path}")
    with pytest.raises(SystemExit) as ended:
        command.explained(lambda: instantiate(composed[group]))
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_key_that_a_yaml_misspells_is_named_with_what_stands_there_instead(capsys):
    composed = OmegaConf.create({"batch_sise": 64, "seed": 0})
    OmegaConf.set_struct(composed, True)
    with pytest.raises(SystemExit):
        command.explained(lambda: composed.batch_size)
    assert "there is no 'batch_size'; did you mean 'batch_sise'?" in capsys.readouterr().err
