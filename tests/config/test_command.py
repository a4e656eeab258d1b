import shlex
import sys

import pytest
from omegaconf import OmegaConf

from speech.config import command, tree
from speech.config.arguments import quoted
from speech.config.check import declared_keys
from speech.config.compose import plain, save, saved
from speech.config.help import WIDTH, header, page

PRIMARIES = sorted(path.stem for path in tree.CONF.glob("*.yaml"))
QUIET = [name for name in PRIMARIES if "hydra: quiet" in (tree.CONF / f"{name}.yaml").read_text()]


@pytest.fixture
def run(monkeypatch, tmp_path):
    """A command, run in an empty folder with nothing but its configs; returns them."""

    def make(name, *arguments, **how):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        configs = []

        def main(config):
            OmegaConf.resolve(config)
            configs.append(config)

        command.run(name, main, **how)
        return configs

    return make


@pytest.fixture
def run_dir(compose, tmp_path_factory):
    """The folder of a run that got as far as its config."""
    folder = tmp_path_factory.mktemp("run")
    save(compose("train", "seed=5", "run_dir=elsewhere"), folder / "config.yaml")
    return folder


@pytest.fixture
def mine(tmp_path):
    """A folder of the user's own configs."""
    (tmp_path / "mine" / "experiment").mkdir(parents=True)
    (tmp_path / "mine" / "experiment" / "mine.yaml").write_text("# @package _global_\nseed: 7\n")
    return tmp_path / "mine"


@pytest.mark.parametrize("name", PRIMARIES)
def test_help_is_a_page_of_five_options_and_two_examples(name):
    text, top = page(name), header(tree.CONF / f"{name}.yaml")
    assert max(map(len, text.splitlines())) <= WIDTH
    assert len(top.examples) == 2
    assert len(top.options) == 5 or set(top.options) == declared_keys(name) - {"hydra"}
    lines = text.splitlines()
    for option in top.options:
        (at,) = (i for i, line in enumerate(lines) if line.startswith(f"  {option}="))
        assert len(lines[at + 1].split()) > 1, "it has no meaning"
    assert all(f"  {example}" in lines for example in top.examples)
    assert top.about.split()[0] in text


def test_help_runs_nothing(run, capsys):
    assert run("train", "--help", "seed=3") == []
    assert capsys.readouterr().out.startswith("python -m speech.train")


@pytest.mark.parametrize("name", QUIET)
def test_a_command_that_keeps_no_run_makes_no_folder(run, tmp_path, name):
    (config,) = run(name, *shlex.split(header(tree.CONF / f"{name}.yaml").examples[0])[3:])
    assert OmegaConf.is_dict(config)
    assert not list(tmp_path.iterdir())


def test_a_run_has_a_folder_of_its_own_under_runs_dir(run, tmp_path):
    """Though another has begun in the same second."""
    (one,), (other,) = run("train", "runs_dir=mine"), run("train", "runs_dir=mine")
    assert one.run_dir.startswith(str(tmp_path / "mine" / "2"))
    assert one.run_dir != other.run_dir


def test_an_experiment_of_the_users_own(compose, mine):
    assert compose("train", "--config-dir", str(mine), "experiment=mine").seed == 7
    with pytest.raises(tree.ConfigError, match="experiment: there is no 'min'; did you mean 'mine'"):
        compose("train", "--config-dir", str(mine), "experiment=min")
    (mine / "experiment" / "quick.yaml").write_text("seed: 7\n")
    with pytest.raises(
        tree.ConfigError, match=r"mine/experiment/quick\.yaml: .* has a file of that name: rename yours"
    ):
        compose("train", "--config-dir", str(mine), "experiment=quick")
    with pytest.raises(tree.ConfigError, match="--config-dir nowhere: no such folder"):
        compose("train", "--config-dir", "nowhere")


def test_options_may_stand_anywhere_among_the_overrides(run, mine):
    (config,) = run("train", "batch_size=3", "--config-dir", mine, "experiment=mine")
    assert (config.batch_size, config.seed) == (3, 7)
    swept = run("train", "batch_size=3", "-m", "experiment=mine,quick", "--config-dir", mine, "trainer.max_steps=4")
    assert [(config.batch_size, config.seed, config.trainer.max_steps) for config in swept] == [(3, 7, 4), (3, 0, 4)]


@pytest.mark.parametrize("of_sweeps", ["search=encoders", "hydra/launcher=basic", "hydra/sweeper=basic"])
def test_what_a_sweep_alone_reads_is_not_ignored_without_one(run, of_sweeps, capsys):
    with pytest.raises(SystemExit, match="2"):
        run("train", of_sweeps)
    assert capsys.readouterr().err == f"error: {of_sweeps} is an option of sweeps and would have no effect: add -m\n"


def test_resume_is_the_runs_own_config_where_it_is_now_and_makes_no_folder(run, run_dir, tmp_path):
    configs = []
    assert run("train", f"resume={run_dir}", resume=configs.append) == []
    assert configs == [OmegaConf.merge(saved(run_dir, "train"), {"run_dir": str(run_dir)})]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("other", ["seed=3", "-m", "experiment=quick"])
def test_resume_refuses_other_options_by_name(run, run_dir, capsys, other):
    with pytest.raises(SystemExit):
        run("train", other, f"resume={run_dir}", resume=lambda _: pytest.fail("it went on"))
    assert f"resume={run_dir} continues with the run's own config: leave out {other}" in capsys.readouterr().err


def test_a_run_that_has_a_folder_of_its_own_leaves_no_other(run, tmp_path):
    (tmp_path / "mine").mkdir()
    run("train", "run_dir=mine")
    run("lesson")  # whose work, here, writes nothing
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "runs"]


def test_a_folder_that_cannot_be_made_is_one_line(run, tmp_path, capsys):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as ended:
        run("train", "runs_dir=file")
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: file/")
    assert line.endswith(": Not a directory")


TYPED = [
    ("names", "[O'Brien,José,Anna Maria]", ["O'Brien", "José", "Anna Maria"]),
    ("names", "[Nan,null,1,True]", ["Nan", "null", "1", "True"]),
    ("names", "[Anna,Bob]", ["Anna", "Bob"]),
    ("names", '["O\'Brien, Conan",Anna]', ["O'Brien, Conan", "Anna"]),
    ("names", "[{text: Siobhan, say: [shivawn]},O'Brien]", [{"text": "Siobhan", "say": ["shivawn"]}, "O'Brien"]),
    ("names", "{text: Anna, say: ana}", {"text": "Anna", "say": "ana"}),
    ("names", "{text: Анна, say: ana}", {"text": "Анна", "say": "ana"}),
    ("names", "[{text: Zoë, say: [zo-ee, /ˈzoʊi/]},-]", [{"text": "Zoë", "say": ["zo-ee", "/ˈzoʊi/"]}, "-"]),
    ("names", "[{text: O'Neill, say: 'o neel'},Mark]", [{"text": "O'Neill", "say": "o neel"}, "Mark"]),
    *(("name", name, name) for name in ("Nan", "null", "true", "Ann, Bob", "007")),
    ("clips", "[a.mp3,b.ogg]", ["a.mp3", "b.ogg"]),
    *(("clips", path, path) for path in ("2024", "1e3", "true", "nan")),
    *((option, "2026", "2026") for option in ("names", "recognizer", "enrolled", "runs_dir")),
    *((option, "null", None) for option in ("names", "enrolled")),
    *(("clips", path, path) for path in ("a=b.wav", "my(1).wav", "rec[1].wav", "#1.wav", "Zoë/a.wav", "take1,2.wav")),
    *(("clips", path, path) for path in ("don't.wav", "a{b}.wav", "my clip.wav", '"hi".wav', "C:\\a.wav", "'a.wav")),
]


@pytest.mark.parametrize(("option", "typed", "meant"), TYPED)
def test_names_and_paths_are_taken_as_they_are_typed(run, option, typed, meant):
    command = "enrol" if option == "name" else "transcribe"
    (config,) = run(command, *([] if option == "clips" else ["clips=a.wav"]), f"{option}={typed}")
    assert plain(config[option]) == meant


def test_a_tilde_is_the_home_folder_where_the_shell_has_left_it(run, monkeypatch):
    monkeypatch.setenv("HOME", "/home/ann")
    (config,) = run("enrol", "name=Gran", "clips=~/gran", "file=~/it's.json")
    assert (config.clips, config.file) == ("/home/ann/gran", "/home/ann/it's.json")


@pytest.mark.parametrize("arguments", [["-m", "seed=1,2"], ["seed=1,2"], ["resume=a'b"], ["-m", "corpus.names=a,b"]])
def test_what_is_no_text_is_left_as_it_is(arguments):
    assert quoted(arguments) == arguments


@pytest.mark.parametrize("option", ["-m", "--multirun", "--multi"])
def test_a_sweep_over_names_is_one_however_its_option_is_written(option):
    arguments = ["clips=a.wav,b.wav", option]
    assert quoted(arguments) == arguments
    assert quoted(arguments[:1]) == ["clips='a.wav,b.wav'"]
