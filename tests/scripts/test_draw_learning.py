"""scripts/draw_learning.py: a column for each moment of a run, and a line where there is no run."""

import draw_learning as script
import pytest
from matplotlib.figure import Figure


@pytest.mark.parametrize(("n", "steps"), [(1, [0]), (2, [0, 1]), (7, list(range(7))), (9, [0, 1, 2, 3, 4, 5, 8])])
def test_a_moment_has_one_column(n, steps):
    axes = Figure().subplots()
    script.draw_transcripts(axes, [{"step": step, "hyp": {"martin": "m"}} for step in range(n)])
    shown = [text.get_text() for text in axes.texts]
    assert [text for text in shown if text.startswith("step")] == [f"step {step}" for step in steps]


def test_a_folder_without_a_run_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["draw_learning.py", str(tmp_path), str(tmp_path / "picture.png")])
    with pytest.raises(SystemExit, match="2"):
        script.main()
    assert str(tmp_path / "hypotheses.jsonl") in capsys.readouterr().err
