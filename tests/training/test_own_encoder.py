"""An encoder of one's own, as CONTRIBUTING has it, through every command that a run passes."""

import importlib
import json

import pytest
from commands import run_command
from conftest import DRAWN

from speech.common import trust

OWN = """
import torch

class OwnEncoder(torch.nn.Module):
    stride = 2

    def __init__(self, n_features, n_symbols, n_units):
        super().__init__()
        self.convolution = torch.nn.Conv1d(n_features, n_units, 3, self.stride, padding=1)
        self.affine = torch.nn.Linear(n_units, n_symbols)

    def n_frames(self, count):
        return (count - 1) // self.stride + 1

    def forward(self, features, n_frames):
        n_frames = self.n_frames(n_frames)
        hidden = self.convolution(features.transpose(1, 2)).relu().transpose(1, 2)
        own = torch.arange(hidden.shape[1]) < n_frames[:, None]
        return self.affine(hidden) * own[..., None], n_frames
"""
TRUST = "trust=[ownpackage]"


@pytest.fixture
def own(tmp_path, monkeypatch, cache):
    """The options of a training with it."""
    (tmp_path / "ownpackage.py").write_text(OWN, encoding="utf-8")
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "own.yaml").write_text("_target_: ownpackage.OwnEncoder\nn_units: 16\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(trust, "_packages", set())
    importlib.invalidate_caches()
    return ["--config-dir", tmp_path, "encoder=own", "corpus=names", TRUST, *DRAWN, f"cache_dir={cache}"]


def test_it_trains_with_all_callbacks_is_evaluated_and_exported(own, tmp_path, cache, capsys):
    run = tmp_path / "run"
    run_command("train", *own, "init=null", "gradients=torch", f"hydra.run.dir={run}")
    given = TRUST, f"recognizer={run}"
    run_command("evaluate", *given, f"cache_dir={cache}", f"output={tmp_path}/e.json")
    run_command("report", TRUST, f"run={run}", f"output={tmp_path}/page.html")
    run_command("export", TRUST, f"run={run}", f"cache_dir={cache}")
    clip = next(cache.glob("*/clips/*/*.flac"))
    capsys.readouterr()
    for recognizer in (run, run / "recognizer.onnx", run / "recognizer.int8.onnx"):
        run_command("transcribe", TRUST, f"recognizer={recognizer}", f"clips={clip}", "json=true")
    one, other, rounded = (json.loads(line)["names"] for line in capsys.readouterr().out.splitlines())
    assert dict(other) == pytest.approx(dict(one), abs=1e-4)
    assert dict(rounded) == pytest.approx(dict(one), abs=0.1)
    assert json.loads((tmp_path / "e.json").read_text())["overall"]["n_clips"] == 4
    assert (tmp_path / "page.html").read_text(encoding="utf-8").endswith("</html>")


@pytest.mark.parametrize("gradients", ["manual", "hybrid"])
def test_gradients_by_hand_are_refused_with_the_way_out(own, tmp_path, gradients, capsys):
    with pytest.raises(SystemExit, match="2"):
        run_command("train", *own, "init=null", f"gradients={gradients}", f"hydra.run.dir={tmp_path}/run")
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert line.endswith("use gradients=torch")
