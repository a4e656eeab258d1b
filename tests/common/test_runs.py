import functools
import os

import pytest

from speech import pretrained
from speech.common.runs import RECOGNIZER_FILE, find_if_any, find_recognizer
from speech.config import compose as configs


@pytest.fixture(scope="module")
def config_of(compose, tmp_path_factory):
    """The config of a training with these overrides, as its run's folder has it."""

    @functools.cache
    def composed(*overrides):
        path = tmp_path_factory.mktemp("run") / "config.yaml"
        configs.save(compose("train", f"run_dir={path.parent}", *overrides), path)
        return path.read_bytes()

    return composed


@pytest.fixture
def finished(tmp_path, config_of):
    """A function that makes the folder of a run which has ended, each newer than the last."""
    made = []

    def make(name, *overrides, config=None):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        (folder / RECOGNIZER_FILE).touch()
        made.append(folder)
        os.utime(folder / RECOGNIZER_FILE, (len(made), len(made)))
        (folder / "config.yaml").write_bytes(config_of(*overrides) if config is None else config)
        return folder

    return make


def newest(tmp_path):
    return find_recognizer("newest", tmp_path / "runs", "recognizer").parent


def test_a_recogniser_is_a_file_or_lies_in_a_runs_folder(tmp_path, finished):
    folder = finished("one")
    exported = tmp_path / "recognizer.onnx"
    exported.touch()
    assert find_recognizer(str(exported), tmp_path, "recognizer") == exported
    assert find_recognizer(str(folder), tmp_path, "recognizer") == folder / RECOGNIZER_FILE
    with pytest.raises(FileNotFoundError, match=r"^against=gone\.pt: no such file or folder: give a run's folder"):
        find_recognizer("gone.pt", tmp_path, "against")
    (folder / RECOGNIZER_FILE).unlink()
    with pytest.raises(FileNotFoundError, match=r"one: no recognizer\.pt there: give the folder of a run"):
        find_recognizer(str(folder), tmp_path, "run")
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "last.ckpt").touch()
    with pytest.raises(FileNotFoundError, match=r"finish it: .*resume=.*one"):
        find_recognizer(str(folder), tmp_path, "run")


def test_newest_is_the_run_that_ended_last(tmp_path, finished):
    for name in ("b", "a", "deeper/c"):
        folder = finished(name)
        assert newest(tmp_path) == folder


@pytest.mark.parametrize(
    ("name", "overrides", "config", "reason"),
    [
        ("debug", ["trainer=debug"], None, r"for debugging: trainer\.limit_train_batches=2"),
        ("tried", ["trainer.fast_dev_run=2"], None, r"for debugging: trainer\.fast_dev_run=2"),
        ("overfit", ["experiment=overfit"], None, r"for debugging: trainer\.limit_train_batches=1"),
        ("tuned", ["init=/x/recognizer.pt"], None, r"fine-tuned from /x/recognizer\.pt"),
        ("sweep_2026/0", [], None, "part of a sweep"),
        ("cut", [], b"trainer: {", r"a config\.yaml of another version, or damaged"),
        ("other", [], b"\xff", r"a config\.yaml of another version, or damaged"),
        ("old", [], b"init: null", r"a config\.yaml of another version, or damaged"),
    ],
)
def test_a_run_that_has_to_be_named_is_passed_over(tmp_path, finished, name, overrides, config, reason):
    finished(name, *overrides, config=config)
    with pytest.raises(FileNotFoundError, match=rf"^recognizer=newest: no run under .*{name} \({reason}\): give"):
        newest(tmp_path)
    scratch = finished("scratch")
    os.utime(scratch / RECOGNIZER_FILE, (0, 0))
    assert newest(tmp_path) == scratch


def test_a_recogniser_without_a_config_is_passed_over(tmp_path, finished):
    (finished("copied") / "config.yaml").unlink()
    with pytest.raises(FileNotFoundError, match=r"copied \(no config\.yaml\)"):
        newest(tmp_path)


def test_a_command_that_needs_no_recogniser_is_told_why_there_is_none(tmp_path, finished):
    none, why = find_if_any("newest", tmp_path / "runs")
    assert none is None
    assert why.startswith("recognizer=newest: no recognizer.pt under")
    assert find_if_any(None, tmp_path) == (None, "recognizer=null")
    with pytest.raises(FileNotFoundError, match=r"recognizer=gone: no such file"):
        find_if_any("gone", tmp_path)
    assert find_if_any("newest", finished("one").parent)[0] == tmp_path / "runs" / "one" / RECOGNIZER_FILE


def test_shipped_is_the_exported_recogniser_of_the_package_or_torchs(tmp_path):
    assert find_recognizer("shipped", tmp_path, "recognizer") == pretrained.shipped(pretrained.EXPORTED)
    torchs = find_recognizer("shipped", tmp_path, "init", pretrained.RECOGNIZER)
    assert torchs == pretrained.shipped(pretrained.RECOGNIZER)
