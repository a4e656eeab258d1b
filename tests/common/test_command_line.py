import pytest

from speech.common.command_line import Parser, boolean, names, texts
from speech.common.program import explained


@pytest.fixture
def parser():
    parser = Parser("speech-x", "x")
    parser.add_argument("--clips", required=True)
    parser.add_argument("--names", type=names)
    parser.add_argument("--json", type=boolean, default=False)
    return parser


def test_arguments_are_written_as_hydras_or_as_options(parser):
    for arguments in (["clips=a=b", "json=True"], ["--clips=a=b", "--json=true"]):
        given = parser.parse(arguments)
        assert (given.clips, given.json, given.names) == ("a=b", True, None)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["clips=a", "nmes=b"], "nmes=b"),
        ([], "clips"),
        (["clips=a", "json=maybe"], "json: invalid boolean value: 'maybe'"),
        (["clip=a"], "clips"),  # no abbreviations: a key means one thing
    ],
)
def test_what_is_not_known_is_told_in_one_line(parser, arguments, told, capsys):
    with pytest.raises(SystemExit, match="2"):
        explained(lambda: parser.parse(arguments))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert told in line


def test_a_list_in_brackets_and_a_file():
    assert texts('[Anna, "St. John",]') == ["Anna", "St. John"]
    assert texts("[]") == []
    assert texts("names.txt") == "names.txt"


def test_a_pronunciation_in_a_list_is_told_where_it_stands(parser, capsys):
    with pytest.raises(SystemExit, match="2"):
        explained(lambda: parser.parse(["names=[{text: Siobhan, say: [shivawn]},Anna]"]))
    assert "pronunciations belong in a text file: Siobhan = shivawn" in capsys.readouterr().err
