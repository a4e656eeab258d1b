import re
import shutil
import sys

import pytest
from commands import run_command
from omegaconf import OmegaConf

from speech.config import command, tree
from speech.config.arguments import quoted
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
        ("train", "encoder=null", "encoder=null: choose from: gru, lstm, rnn"),
        ("train", "logger=null", "logger=null: choose from: csv, mlflow, none"),
        ("train", "é=3", "quote letters with accents"),
        (
            "train",
            "encoder._target_=speech.model.encoder.Encodr",
            "encoder: _target_ 'speech.model.encoder.Encodr' cannot be made",
        ),
        (
            "train",
            "encoder._target_=speech.model.encoder",
            "encoder: _target_ 'speech.model.encoder' cannot be made ",
        ),
        ("train", "encoder._target_=3", "encoder: _target_ 3 cannot be made "),
        ("lesson", "lesson=orc", "lesson: there is no 'orc'; did you mean 'ocr'"),
        ("lesson", "+lesson.n_epoch=1", "lesson: there is no 'n_epoch'; did you mean 'n_epochs'"),
        ("lesson", "sede=[1]", "there is no 'sede'; did you mean 'seeds'"),
        ("transcribe", "seed=1", "transcribe.yaml: there is no 'seed'"),
        ("train", "names=[Anna,Bob]", "train.yaml: there is no 'names'; did you mean 'corpus.names'"),
        ("train", "n_units=8", "there is no 'n_units'; did you mean 'encoder.n_units'"),
        ("report", "encoder=gru", "report.yaml: there is no 'encoder'; choose from: n_clips, output, run, runs_dir"),
        ("enrol", "output=x.json", "enrol.yaml: there is no 'output'; choose from: clips, file, name"),
    ],
)
def test_a_misspelt_option_is_named_with_the_nearest(compose, name, override, message):
    with pytest.raises(tree.ConfigError, match="(?s)" + message):
        compose(name, override)


@pytest.mark.parametrize(
    ("name", "override", "message"),
    [
        ("train", "encoder.bidirectional=1", "encoder.bidirectional=1 must be true or false"),
        ("train", "seed=x", "seed=x must be a whole number, 0 or more: by default it is 0"),
        ("train", "seed=1,x", "seed=x must be a whole number, 0 or more"),
        (
            "train",
            "encoder.dropout=true",
            "encoder.dropout=true must be a number: by default it is 0.0",
        ),
        (
            "synthesize",
            "n_voices=1.5",
            "n_voices=1.5 must be a whole number, 0 or more: by default it is 5",
        ),
        ("train", "featured=Martin", r"featured=Martin must be a list: by default it is \['?Martin'?, "),
        ("train", "voices.rate=200", r"voices.rate=200 must be a list: by default it is \[120, 220\]"),
        ("confusable", "n_pairs=-1", "n_pairs=-1 must be a whole number, 0 or more"),
        ("train", "encoder.dropout=null", "encoder.dropout=null must be a number"),
        ("train", "encoder.bidirectional=null", "encoder.bidirectional=null must be true or false"),
        ("train", "corpus.seed=0.5", "corpus.seed=0.5 must be a whole number"),
        ("train", "trainer.accumulate_grad_batches=1.5", "trainer.accumulate_grad_batches=1.5 must be a whole number"),
        ("train", "+trainer.inference_mode=1", "trainer.inference_mode=1 must be true or false"),
        ("train", "featured=null", "featured=None: give a list of names, \\[\\] for none"),
        ("train", "+replay={}", "replay={}: give a mapping with _target_ and its arguments, or null"),
        ("train", "concatenate=3", "concatenate=3: give a mapping with _target_"),
        ("train", "batch_size=abc", "batch_size=abc must be a number: by default it is 96"),
        ("train", "batch_size=0", "batch_size=0 must be an integer from 1 to "),
        ("train", "batch_size=1.5", "batch_size=1.5 must be an integer"),
        ("evaluate", "seed=-1", "seed=-1 must be a whole number, 0 or more: by default it is 0"),
        ("shard", "shard_size=abc", "shard_size=abc must be a number"),
        ("synthesize", "sample_rate=true", "sample_rate=true must be a number"),
    ],
)
def test_a_value_of_another_kind_is_named_before_anything_is_made(compose, name, override, message):
    with pytest.raises(ValueError, match=message):
        compose(name, override)


@pytest.mark.parametrize(
    "override",
    [
        "trainer.devices=auto",
        "corpus.n_train={espeak: 2}",
        "corpus.words=w.txt",
        "frontend.n_mfcc=null",
        "encoder.stride=${seed}",
        "seed=1",
    ],
)
def test_a_value_of_another_kind_is_taken_where_one_is_meant(override):
    check_overrides("train", [override])


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("experiment/quick.yaml", "sede: 1", "there is no 'sede'; did you mean 'seed'"),
        ("experiment/quick.yaml", "encoder: {kernel: 2.5}", "encoder.kernel=2.5 must be a whole number"),
        ("experiment/quick.yaml", "encoder: {kernel: '5'}", 'encoder.kernel="5" must be a whole number'),
        ("experiment/quick.yaml", "encoder: {kernel: !!binary aGk=}", "encoder.kernel=.* must be a whole number"),
        ("experiment/quick.yaml", "encoder: {bidirectional: 1}", "encoder.bidirectional=1 must be true or false"),
        ("experiment/quick.yaml", "encoder: {n_unit: 8}", "encoder: there is no 'n_unit'; did you mean 'n_units'"),
        ("experiment/quick.yaml", "callbacks: {histogram: {n_clips: 1}}", "no 'histogram'; did you mean 'histograms'"),
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
    ("group", "overrides", "message"),
    [
        ("voices", ["voices.rate=[300,100]"], "error: voices.rate=[300, 100] must be two increasing numbers"),
        ("corpus", ["corpus=manifest", "corpus.path=no.csv"], "error: corpus.path=no.csv: no such manifest"),
    ],
)
def test_a_wrong_value_is_told_without_a_traceback(compose, tmp_path, capsys, group, overrides, message):
    composed = compose("train", *overrides, f"run_dir={tmp_path}")
    with pytest.raises(SystemExit) as ended:
        command.explained(lambda: instantiate(composed[group]))
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


IN_ONE_LINE = [
    ("train", ["corpus=folder"], "corpus.root has no value and no default: add corpus.root="),
    ("evaluate", ["corpus=manifest"], "corpus.path has no value"),
    ("evaluate", ["corpus.names=[Anna]"], "corpus.names: no corpus is chosen: give corpus=... as well"),
    ("transcribe", [], "clips has no value"),
    ("listen", ["json=maybe"], "json=maybe must be true or false: by default it is false"),
    ("transcribe", ["clips=a.wav", "json=1"], "json=1 must be true or false"),
    ("listen", ["rate=abc"], "rate=abc must be a number: by default it is 16000"),
    ("listen", ["dtype=[int16]"], "dtype=['int16'] must be a text: by default it is int16"),
    ("listen", ["source=3"], "3: no such file"),
    ("listen", ["source=null"], "source=None: give microphone, a file or a named pipe, or - for standard input"),
    ("listen", ["device=true"], "device=True: give a number or a name that python -m sounddevice lists"),
    ("listen", ["recognizer=null"], "recognizer=None: give a run's folder, or a recogniser's file"),
    ("spot", ["clips=5"], "5: no such file or folder"),
    ("spot", ["clips=null"], "clips=None: give a file, a folder, a quoted glob, or a list of these"),
    ("spot", ["clips=a.wav", "false_alarms_per_hour=often"], "false_alarms_per_hour=often must be a number"),
    ("transcribe", ["clips=a.wav", "enrolled=[a]"], "enrolled=['a']: give a file that speech.enrol wrote"),
    ("transcribe", ["clips=a.wav", "names=5"], "names=5: not a readable text file"),
    ("transcribe", ["clips=a.wav", "false_accept_rate=abc"], "false_accept_rate=abc: there are thresholds for 0.01,"),
    ("enrol", ["clips=a.wav", "name=Anna", "spelled=maybe"], "spelled=maybe must be true or false"),
    ("page", ["port=abc"], "port=abc must be a number: by default it is 8024"),
    ("page", ["onnxruntime_web=null"], "onnxruntime_web=None: give the folder of onnxruntime-web's program"),
    (
        "spot",
        ["clips=a${b}.wav"],
        "clips: Interpolation key 'b' not found: ${...} stands for another value of the config",
    ),
    ("spot", ["clips=${b"], r"clips: no viable alternative at input '${b': ${...} stands for another value"),
    ("spot", ["clips=a.wav", "names=[Anna,'${b}']"], "names[1]: Interpolation key 'b' not found: ${...} stands for"),
    ("spot", ["clips=a.wav", "hydra/output=no"], "In 'hydra/config': Could not find 'hydra/output/no' Available "),
    ("spot", ["clips=a.wav", "hydra.job.other=x"], "hydra.job.other: Key 'other' not in 'JobConf'"),
]


@pytest.mark.parametrize(("name", "arguments", "message"), IN_ONE_LINE)
def test_a_value_that_is_wrong_or_missing_is_told_in_one_line(capsys, monkeypatch, tmp_path, name, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        run_command(name, *arguments)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {message}")


def test_a_key_that_a_yaml_misspells_is_named_with_the_right_keys(capsys):
    composed = OmegaConf.create({"batch_sise": 64, "seed": 0})
    OmegaConf.set_struct(composed, True)
    with pytest.raises(SystemExit):
        command.explained(lambda: composed.batch_size)
    assert "there is no 'batch_size'; did you mean 'batch_sise'?" in capsys.readouterr().err


def test_a_dollar_and_a_brace_are_a_text_where_they_are_escaped(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["transcribe", r"clips=\${b}.wav"])
    found = []
    command.run("transcribe", lambda config: found.append(config.clips))
    assert found == ["${b}.wav"]


@pytest.mark.parametrize("arguments", ["train corpus.names=", "shard output=out corpus.names=", "evaluate names="])
def test_every_fault_of_a_list_is_told_before_what_is_slow_is_imported(capsys, monkeypatch, tmp_path, arguments):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("speech.config.compose.check", lambda *_: pytest.fail("the targets were imported first"))
    (tmp_path / "list.txt").write_text("Anna, Bob\n# a comment\n1. Carl\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="2"):
        run_command(*f"{arguments}list.txt".split())
    assert capsys.readouterr().err.splitlines() == [
        "error: list.txt:1: 'Anna, Bob' has a comma: each name needs its own line",
        "list.txt:3: '1. Carl' begins with '1.': give the name alone",
    ]


@pytest.mark.parametrize("typed", ["names=[Mary Jane,Bob]", "names={text: Anna, say: ana}", "names=[Anna, Bob, Zoë]"])
def test_a_list_that_the_shell_has_split_is_told_with_its_quotes(typed):
    with pytest.raises(tree.ConfigError, match=rf"not KEY=VALUE: .* quote both: '{re.escape(typed)}'$"):
        quoted(["clips=a.wav", *typed.split(), "json=true", "--config-dir", "mine"])
