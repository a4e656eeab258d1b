import re

import pytest

from speech.text.alphabet import Alphabet
from speech.text.names import plain, read_names, spoken_texts, writable_names


def test_a_list_and_a_text_file_give_names_with_pronunciations(tmp_path):
    listed = read_names(["Martin", {"text": "Siobhan", "say": ["shivawn", "/ʃɪˈvɔːn/"]}, {"text": "Ann", "say": "an"}])
    (tmp_path / "names.txt").write_text("Martin\n\nSiobhan = shivawn, /ʃɪˈvɔːn/\nAnn=an\n", encoding="utf-8")
    for names in (listed, read_names(str(tmp_path / "names.txt"))):
        assert names == ["Martin", "Siobhan", "Ann"]
        assert [name.say for name in names] == [(), ("shivawn", "/ʃɪˈvɔːn/"), ("an",)]
        assert [name.say for name in read_names(plain(names))] == [name.say for name in names]
        assert [spoken_texts(name) for name in names] == [("Martin",), ("shivawn", "/ʃɪˈvɔːn/"), ("an",)]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *((wrong, r".*say: \[shivawn") for wrong in ({"text": "Siobhan"}, {"text": "", "say": "x"}, 7)),
        *(({"text": "Siobhan", "say": say}, r".*say: \[shivawn") for say in ([], 5, None, ["shivawn", 5])),
        *(({"text": "Siobhan", "say": [say]}, "say .*IPA between slashes") for say in ("李", "shi2vawn", "/")),
    ],
)
def test_a_wrong_entry_is_an_error_with_its_place(name, reason):
    with pytest.raises(ValueError, match=rf"names\[1\]: {reason}"):
        read_names(["Martin", name])


def test_every_fault_of_a_file_is_told_at_once_with_its_line(tmp_path):
    lines = "# a class\nMartin\nAnna, Bob\nSiobhan =\nАнна\n2\nMark # twice\nMARTIN\n"
    (tmp_path / "names.txt").write_text(lines, encoding="utf-8")
    with pytest.raises(ValueError, match=r"names\.txt") as told:
        read_names(str(tmp_path / "names.txt"), Alphabet())
    places, reasons = zip(*(line.split(": ", 1) for line in str(told.value).splitlines()), strict=True)
    assert [place.rpartition("/")[2] for place in places] == [f"names.txt:{n}" for n in (3, 4, 5, 6, 8)]
    for reason, expected in zip(reasons, ("comma", "pronunciation", "cannot write", "'2'", "names.txt:2"), strict=True):
        assert expected in reason


def test_what_cannot_be_written_is_told_and_the_rest_is_recognised(capsys):
    strange = ["-", "R2-D2", "Анна", "ന", "דוד", "美咲", "St. John", "\x1b[31m"]
    found = writable_names(["Anne-Marie", *strange, "sonoff_buero_tim", "Chloé"], Alphabet())
    assert found == ["Anne-Marie", "sonoff_buero_tim", "Chloé"]
    told = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1] for line in told] == [f" names[{i}]" for i in range(1, len(strange) + 1)]
    assert all("left out" in line for line in told)
    assert "\x1b" not in "".join(told)
    with pytest.raises(ValueError, match=r"names\[1\]: .*'Анна'.* cannot write: respell it"):
        writable_names(["-", "Анна"], Alphabet())
    with pytest.raises(ValueError, match=r"^names\[2\]: 'anna' is already 'Anna' of names\[0\]"):
        writable_names(["Anna", "Анна", "anna"], Alphabet())


def test_a_name_of_a_file_that_cannot_be_written_is_kept_by_its_respelling(tmp_path, capsys):
    path = tmp_path / "names.txt"
    path.write_text("Anna\n李明\nJ. R. Smith\n", encoding="utf-8")
    assert writable_names(str(path), Alphabet()) == ["Anna"]
    *left_out, way_out = capsys.readouterr().err.splitlines()
    assert len(left_out) == 2
    assert way_out == f"{path}: a line NAME = RESPELLING keeps the spelling of such a name"
    path.write_text("Anna\n李明 = Li Ming\nJ. R. Smith = jay are smith\n", encoding="utf-8")
    assert writable_names(str(path), Alphabet()) == ["Anna", "李明", "J. R. Smith"]


def test_of_very_many_that_cannot_be_written_the_first_are_told(capsys):
    assert writable_names(["Anna", *(f"Anna {n}" for n in range(1000))], Alphabet()) == ["Anna"]
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 11
    assert told[-1].startswith("warning: 990 more names")


def test_a_line_ends_where_an_editor_ends_it(tmp_path):
    path = tmp_path / "names.txt"
    path.write_bytes("Mary\u2028Ann\r\nAnna\rCa\x0brl\n\nTo,m\n".encode())
    with pytest.raises(ValueError, match=rf"^{path}:5: 'To,m' has a comma"):
        read_names(str(path))
    path.write_bytes(path.read_bytes().replace(b",", b""))
    assert [str(name) for name in read_names(str(path))] == ["Mary\u2028Ann", "Anna", "Ca\x0brl", "Tom"]


SEVERAL = {"Anna;Bob": "semicolon", "Anna\tBob": "tab", "Anna | Bob": "bar"}
MARKED = {"- Anna": "-", "* Anna": "*", "• Anna": "•", "1. Anna": "1.", "12) Anna = an": "12)"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        *((line, f"has a {mark}: each name needs its own line") for line, mark in SEVERAL.items()),
        *((line, f"begins with {mark!r}: give the name alone") for line, mark in MARKED.items()),
        ("A" * 201, f"'{20 * 'A'}'... has 201 letters, and a name has at most 200"),
    ],
)
def test_a_line_that_is_no_name_is_told_with_what_is_wrong_with_it(tmp_path, line, reason):
    (tmp_path / "names.txt").write_text(f"Martin\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=rf"names\.txt:2: .*{re.escape(reason)}"):
        read_names(str(tmp_path / "names.txt"))


@pytest.mark.parametrize(("encoding", "number"), [("latin-1", 2), ("utf-16", 1), ("utf-16-le", 1), ("utf-32-le", 1)])
def test_a_file_of_another_encoding_is_told_with_the_line(tmp_path, encoding, number):
    (tmp_path / "names.txt").write_text("Martin\nZoë\n", encoding=encoding)
    with pytest.raises(ValueError, match=rf"names\.txt:{number}: not UTF-8 \(byte 0x\w+\): save it as text in"):
        read_names(str(tmp_path / "names.txt"))


@pytest.mark.parametrize("name", ["'Anna'", "‘Anna’", "`Anna´"])
def test_quotes_around_a_name_are_told_and_an_apostrophe_is_a_letter(name, capsys):
    assert writable_names([name, "'t Hooft", "Jacobs'", "ʿAlāʾ"], Alphabet()) == ["'t Hooft", "Jacobs'", "ʿAlāʾ"]
    warning = f"names[0]: {name!r} is in quotes: give the name without them; the name is left out"
    assert warning in capsys.readouterr().err


def test_of_very_many_faults_the_first_are_told(tmp_path):
    (tmp_path / "names.txt").write_text("\n".join(f"Anna {n}" for n in range(20_000)))
    with pytest.raises(ValueError, match=r"names\.txt:1: .*'0'") as told:
        read_names(str(tmp_path / "names.txt"), Alphabet())
    assert len(str(told.value).splitlines()) == 51
    assert str(told.value).endswith("\nthe rest was not read")


def test_a_file_without_an_end_is_refused_by_its_length():
    with pytest.raises(ValueError, match=r"^names=/dev/zero: over 16777216 bytes: give a text file"):
        read_names("/dev/zero")


def test_comments_are_no_names(tmp_path):
    (tmp_path / "names.txt").write_text("# a class\nMartin # in the first row\nAnn = an # as in an apple\n")
    names = read_names(str(tmp_path / "names.txt"), Alphabet())
    assert [(str(name), name.say) for name in names] == [("Martin", ()), ("Ann", ("an",))]


def test_one_name_with_its_pronunciation_needs_no_brackets():
    (name,) = read_names({"text": "Anna", "say": "ana"})
    assert (name, name.say) == ("Anna", ("ana",))


def test_names_with_commas_that_are_no_file_are_told_how_a_list_is_written():
    with pytest.raises(ValueError, match=r"a list is names=\[Anna,Bob\]"):
        read_names("Anna,Bob")
    for typed in ("[Anna,Bob", "Anna,Bob]", "{text=Anna,say=ana}", "'Anna,Bob"):
        with pytest.raises(ValueError, match="close each bracket, and quote the whole: 'names="):
            read_names(typed)


def test_a_file_that_cannot_be_read_is_an_error_with_its_path(tmp_path):
    with pytest.raises(ValueError, match=r"missing\.txt: not a readable text file"):
        read_names(str(tmp_path / "missing.txt"))
