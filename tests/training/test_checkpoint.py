"""Checkpoints are whole or the one before, and a damaged one is told in a line."""

import shutil

import pytest
import torch
from commands import run_command

from speech.training.checkpoint import CheckpointIO


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"no checkpoint"])
@pytest.mark.parametrize("best", [True, False])
def test_a_damaged_checkpoint_is_named_with_the_way_out(tmp_path, content, best):
    last = tmp_path / "last.ckpt"
    last.write_bytes(content)
    if best:
        CheckpointIO().save_checkpoint({"epoch": 1}, tmp_path / "best.ckpt")
    way_out = r"copy .*best\.ckpt over it" if best else "start a new run"
    with pytest.raises(ValueError, match=rf"last\.ckpt: not a whole checkpoint .*: {way_out}"):
        CheckpointIO().load_checkpoint(last)


def test_a_checkpoint_needs_no_folder_for_temporary_files(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "not there"))
    path = tmp_path / "checkpoints" / "last.ckpt"
    CheckpointIO().save_checkpoint({"weights": torch.ones(3), "epoch": 2}, path)
    found = CheckpointIO().load_checkpoint(path)
    assert torch.equal(found["weights"], torch.ones(3))
    assert list(path.parent.iterdir()) == [path]


def test_resuming_from_a_truncated_checkpoint_is_one_line(small_run, tmp_path, capsys):
    run = shutil.copytree(small_run, tmp_path / "run")
    last = run / "checkpoints" / "last.ckpt"
    last.write_bytes(last.read_bytes()[:-1_000])
    with pytest.raises(SystemExit, match="2"):
        run_command("train", f"resume={run}")
    assert f"error: {last}: not a whole checkpoint" in capsys.readouterr().err
