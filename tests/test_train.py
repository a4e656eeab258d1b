import pytest
from commands import run_command, start
from conftest import SMALL


def test_a_sweep_and_a_resumed_run_from_the_command_line(cache, tmp_path, monkeypatch, capsys):
    sweep = ["-m", "encoder=rnn,gru", "init=null", *SMALL, "trainer=debug", f"cache_dir={cache}"]
    done = start("train", *sweep, cwd=tmp_path)
    assert done.ended(600) == 0, done.errors
    first, second = sorted(path.parent for path in tmp_path.glob("runs/sweep_*/*/report.json"))
    lines = done.output.splitlines()
    assert lines[0].endswith(f"the same command and hydra.sweep.dir={lines[-1]}"), "how it continues, if it is stopped"
    assert [line.split()[1] for line in lines[-9:] if line.startswith(("0", "1"))] == ["rnn", "gru"], "the table"
    assert (tmp_path / lines[-1]) == second.parent

    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        run_command("train", f"resume={first}", "seed=3", "trainer.max_epochs=9")
    assert ended.value.code == 2
    assert "leave out seed=3 trainer.max_epochs=9" in capsys.readouterr().err
    (first / "report.json").unlink()
    run_command("train", f"resume={first}")
    assert capsys.readouterr().out.splitlines()[-1] == str(first)
    assert (first / "report.json").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["runs"], "no other folder was made"
    assert len(list((tmp_path / "runs").iterdir())) == 1


@pytest.mark.parametrize(
    ("arguments", "fine_tunes"),
    [
        (["corpus.names=[Anna,Bob]"], True),
        (["corpus.names=names.txt", "trainer.max_epochs=2"], True),
        (["corpus.names=[Anna,Bob]", "init=null"], False),
        (["corpus.names=[Anna,Bob]", "experiment=quick"], False),
        (["trainer.max_epochs=2"], False),
        ([], False),
    ],
)
def test_a_list_of_ones_own_fine_tunes_the_recogniser_that_ships(monkeypatch, capsys, tmp_path, arguments, fine_tunes):
    (tmp_path / "names.txt").write_text("Anna\nBob\n")
    monkeypatch.chdir(tmp_path)
    run_command("train", *arguments, "--cfg", "job")
    assert ("\ninit: shipped\n" in capsys.readouterr().out) == fine_tunes
