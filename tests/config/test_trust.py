"""What a config may have made: the project's own, and no module of a stranger's, not even imported."""

import shutil
import sys
from contextlib import suppress

import pytest
import yaml
from commands import run_command, start
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from speech.common import trust
from speech.config import arguments, tree
from speech.config import compose as compose_module
from speech.config.check import check, check_hydra
from speech.config.objects import instantiate, locate, named_targets

PAYLOAD = "from pathlib import Path\nPath('executed').touch()\ndef made(*args, **kwargs): ...\nimport os\n"
MINE = """
import os
from speech.model import encoder
from speech.training.schedule import warmup_cosine as schedule

class Encoder(encoder.Encoder):
    pass

def constant(optimizer, n_steps):
    return schedule(optimizer, 1, 1, n_steps)
"""


@pytest.fixture(autouse=True)
def none_trusted(monkeypatch):
    monkeypatch.setattr(trust, "_packages", set())


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a stranger's ``payload`` and one's own package ``minelike`` in it, as ``python -m`` sees it."""
    (tmp_path / "payload.py").write_text(PAYLOAD)
    (tmp_path / "minelike.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] in ("payload", "runs", "minelike")]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def composed(compose):
    return compose("train")


def altered(run, folder, **nodes):
    """``run``, copied to ``folder``, with other nodes in its config."""
    shutil.copytree(run, folder)
    config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    (folder / "config.yaml").write_text(yaml.safe_dump(config | nodes), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "command",
    [
        ["train", "resume=runs/x"],
        ["evaluate"],
        ["evaluate", "recognizer=runs/x", "split=all"],
        ["export"],
        ["calibrate", "recognizer=runs/x"],
        ["confusable", "names=[Anna,Bob]", "recognizer=runs/x", "n_voices=1"],
        ["train", "init=runs/x", "replay.fraction=0.5", "experiment=people", "corpus.names=[Anna,Bob]"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("key", ["scheduler", "corpus"])
def test_a_runs_folder_executes_nothing(small_run, place, command, key):
    folder = altered(small_run, place / "runs" / "x", **{key: {"_target_": "runs.x.payload.made"}})
    shutil.move(place / "payload.py", folder)
    if command[0] == "confusable":  # which does without
        run_command(*command)
    else:
        with pytest.raises(SystemExit, match="2"):
            run_command(*command)
    assert not (place / "executed").exists()
    assert "runs.x.payload" not in sys.modules


@pytest.mark.parametrize("command", ["export run=", "evaluate recognizer=", "calibrate recognizer="])
def test_clips_of_a_strangers_run_are_kept_where_the_command_says(small_run, place, command, monkeypatch):
    """Its config would write into two folders of its choice."""
    corpus = yaml.safe_load((small_run / "config.yaml").read_text(encoding="utf-8"))["corpus"]
    engine = {"_target_": "speech.tts.cached.CachedEngine", "folder": str(place / "theirs" / "voices")}
    engine["engine"] = {"_target_": "speech.tts.espeak.Espeak"}
    theirs = {"cache_dir": str(place / "theirs"), "corpus": corpus | {"engine": engine}}
    folder = altered(small_run, place / "run", **theirs)
    report = (folder / "report.json").read_text(encoding="utf-8").replace('"corpus": "', '"corpus": "gone/')
    (folder / "report.json").write_text(report, encoding="utf-8")
    monkeypatch.setattr("speech.evaluation.export.export", lambda *_: {})  # which takes seconds
    name, _, key = command.partition(" ")
    with suppress(SystemExit):  # two clips are too few to calibrate
        run_command(name, f"{key}{folder}", "cache_dir=ours")
    assert sorted(path.name.partition("-")[0] for path in (place / "ours").iterdir()) == ["names", "voices"]
    assert not (place / "theirs").exists()


@pytest.mark.parametrize(
    "target",
    [
        "payload.made",
        "payload.os.system",
        "pandas.read_pickle",
        "joblib.load",
        "torch.load",
        "numpy.load",
        "os.system",
        "builtins.eval",
        "subprocess.run",
        "hydra.utils.get_class",
        "hydra.utils.instantiate",
        "speech.common.storage.write_text",
        "speech.common.extras.require",
        "speech.training.run.train",
        "torch.optim.lr_scheduler.Any",
        "torch.optim.swa_utils.AveragedModel",
        "pytorch_lightning.cli.LightningCLI",
    ],
)
def test_a_target_that_no_config_of_the_project_names_is_refused(composed, place, target):
    for node in (
        {"_target_": target},
        {**composed.corpus, "engine": {"_target_": target}},
        {"a": [{"_target_": target}]},
    ):
        with pytest.raises(tree.ConfigError, match=r"_target_ .* cannot be made "):
            instantiate(node)
    composed = OmegaConf.merge(composed, {"corpus": {"engine": {"_target_": target}}})
    with pytest.raises(tree.ConfigError, match=r"corpus\.engine: _target_ .* cannot be made "):
        check(composed, "train")
    assert not (place / "executed").exists()


@pytest.mark.parametrize(
    "text",
    [
        "a: '${oc.create:{_target_:payload.made}}'",
        r"a: {b: '\${oc.create:{_target_: payload.made}}'}",
        "a: {b: '${c}'}\nc: {_target_: payload.made}",
        "a: {b: '${oc.decode:\"{_target_: payload.made}\"}'}",
    ],
)
def test_no_interpolation_brings_a_target_in(place, text):
    with pytest.raises((tree.ConfigError, OmegaConfBaseException)):
        instantiate(OmegaConf.create(text).a)
    assert not (place / "executed").exists()


def test_every_target_of_the_project_is_found():
    assert len(named_targets()) > 50
    assert all(callable(locate(target)) for target in named_targets())
    assert locate("torch.optim.SGD").__name__ == "SGD"
    assert locate("torch.optim.lr_scheduler.OneCycleLR").__name__ == "OneCycleLR"


@pytest.mark.parametrize("target", ["torch.nn.GRU", "builtins.eval", "pytorch_lightning.Trainer2", "os.system"])
def test_of_a_library_it_is_told_what_may_be_named_instead(target):
    message = r"not an optimiser or a schedule of torch; with trust=\[mypackage\], a class"
    with pytest.raises(tree.ConfigError, match=message):
        locate(target)


def test_a_package_of_ones_own_is_trusted_on_the_command_line_alone(compose, place):
    given = ["encoder._target_=minelike.Encoder", "scheduler._target_=minelike.constant"]
    given += ["~scheduler.warmup", "~scheduler.final"]
    with pytest.raises(tree.ConfigError, match=r"add trust=\[minelike\] to the command"):
        compose("train", *given)
    config = compose("train", "trust=[minelike]", *given)
    assert "trust" not in config
    assert instantiate(config.scheduler).func.__module__ == "minelike"
    with pytest.raises(tree.ConfigError, match="only imported there and defined elsewhere"):
        locate("minelike.os.system")
    with pytest.raises(tree.ConfigError, match=r"trust=os.system\(\): not the name of a Python package"):
        compose("train", "trust=os.system()")


def test_a_recognisers_file_has_a_class_of_a_trusted_package(place, tmp_path, make_recognizer):
    from speech.model.recognizer import Recognizer

    with pytest.raises(ValueError, match=r"_target_ 'minelike\.Encoder' is not a part of a recogniser"):
        make_recognizer(_target_="minelike.Encoder")
    trust.trust(["minelike"])
    make_recognizer(_target_="minelike.Encoder").save(tmp_path / "a.pt")
    assert type(Recognizer.load(tmp_path / "a.pt").encoder).__name__ == "Encoder"
    trust._packages.clear()
    with pytest.raises(
        ValueError,
        match=r"a\.pt: _target_ 'minelike\.Encoder' is not a part of a .*, add trust=\[minelike\] to the command$",
    ):
        Recognizer.load(tmp_path / "a.pt")


def test_a_run_of_ones_own_code_is_told_with_the_option_that_it_takes(compose, place):
    mine = ["scheduler._target_=minelike.constant", "~scheduler.warmup", "~scheduler.final", "trust=[minelike]"]
    compose_module.save(compose("train", *mine), place / "config.yaml")
    trust._packages.clear()
    with pytest.raises(tree.ConfigError, match=r"config\.yaml: scheduler: .* add trust=\[minelike\] to the command\)$"):
        compose_module.saved(place, "train")


@pytest.mark.parametrize(
    "text",
    [
        "trust: [payload]",
        "scheduler: {_target_: payload.made}",
        "hydra: {callbacks: {a: {_target_: payload.made}}}",
        "hydra: {job_logging: {handlers: {a: {'()': payload.made}}}}",
        "hydra: {launcher: {_target_: payload.made}}",
        "hydra: {job: {env_set: {LD_PRELOAD: payload.so}}}",
    ],
)
def test_a_folder_of_configs_alone_is_not_trusted(place, text):
    (place / "theirs" / "experiment").mkdir(parents=True)
    (place / "theirs" / "experiment" / "x.yaml").write_text(f"# @package _global_\n{text}\n")
    arguments = ["--config-dir", "theirs", "experiment=x", "trainer=debug"]
    ended = start("train", *arguments, cwd=place)
    assert ended.ended(60) == 2
    assert len(ended.errors.splitlines()) == 1, ended.errors
    assert not (place / "executed").exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [("+hydra.job.env_set.X", "so"), ("experiment", "mine,theirs"), ("+encoder@hydra.job.env_set", "e")],
)
def test_nor_what_it_sweeps_over_in_any_job(place, key, value):
    params = f"hydra: {{sweeper: {{params: {{'{key}': '{value}'}}}}}}"
    theirs = {"search/x": f"# @package _global_\n{params}"}
    theirs |= {"experiment/mine": "# @package _global_\nseed: 1", "encoder/e": "X: so"}
    theirs["experiment/theirs"] = "# @package _global_\nhydra: {job: {env_set: {X: so}}}"
    for name, text in theirs.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / f"{name}.yaml").write_text(text)
    with pytest.raises(tree.ConfigError, match=rf"^--config-dir {place}: a file there sets hydra\.job\.env_set"):
        check_hydra("train", ["search=x", "seed=1,2"], place)
    check_hydra("train", ["search=tune", "experiment=mine"], place)  # the project's own search chooses a sweeper


@pytest.mark.parametrize("option", ["--config-path", "--config-name", "--experimental-rerun"])
def test_an_option_that_replaces_the_projects_configs_or_runs_a_pickle_is_refused(option):
    with pytest.raises(tree.ConfigError, match=rf"^{option} theirs: --config-dir DIR is what adds your own configs"):
        arguments.parse(["seed=1", option, "theirs"])


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda whole: whole.replace(b"synthetic.Synthetic", b"synthetic.Gone"), "_target_ .*Gone.* cannot be made"),
        (lambda whole: whole.split(b"\ncache_dir")[0], "no .*cache_dir in it"),
        (lambda whole: whole + b"\xc3", "utf-8"),
        (lambda whole: whole + b"seeds: 1\n", "no 'seeds'"),
        ("", "no corpus, "),
        ("half", ""),
        ("a: &a [1]\nb: [*a, *a]", "aliases"),
        ("featured: ${oc.env:HOME}", "only to its own values"),
        ("featured: ['${lines:names.txt}']", "only to its own values"),
        ("featured: ['${seed}${seed}']", "only to its own values"),
        ("featured: ['${names}']\nnames: ['${seed}']", "only to its own values"),
        ("featured: " + "[" * 5000, "levels"),
        ("featured: [" + "1234567, " * 200_000 + "1]", "bytes"),
        ("frontend: {sample_rate: .nan}", "frontend.sample_rate=nan is not a finite number"),
        ("batch_size: -.inf", "batch_size=-inf is not a finite number"),
        (f"frontend: {{f_max: {'9' * 400}}}", r"frontend\.f_max=9+ is not a finite number"),
    ],
)
def test_a_config_that_no_run_writes_is_refused_by_its_path(small_run, tmp_path, spoil, reason):
    whole = (small_run / "config.yaml").read_bytes()
    (tmp_path / "config.yaml").write_bytes(spoil.encode() if isinstance(spoil, str) else spoil(whole))
    with pytest.raises(tree.ConfigError, match=rf"config\.yaml: not a config of .*{reason}.*train again"):
        compose_module.saved(tmp_path, "train")


@pytest.mark.parametrize("key", ["_partial_", "_recursive_", "_args_", "_convert_"])
def test_hydras_own_keys_are_checked(composed, key):
    changed = composed.copy()
    OmegaConf.set_struct(changed, False)  # as a run's config is read
    changed.scheduler[key] = "no"
    with pytest.raises(tree.ConfigError, match=rf"scheduler.*{key}"):
        check(changed, "train")


def test_lines_are_those_of_the_projects_own_files(tmp_path):
    (tmp_path / "secret.txt").write_text("secret\n")
    with pytest.raises(Exception, match="not a file of"):
        OmegaConf.to_container(OmegaConf.create({"a": f"${{lines:{tmp_path}/secret.txt}}"}), resolve=True)
