import pytest

from speech.text.names import plain, read_names, ways_to_say


def test_a_list_and_a_text_file_give_names_with_pronunciations(tmp_path):
    listed = read_names(["Martin", {"text": "Siobhan", "say": ["shivawn", "/ʃɪˈvɔːn/"]}, {"text": "Ann", "say": "an"}])
    (tmp_path / "names.txt").write_text("Martin\n\nSiobhan = shivawn, /ʃɪˈvɔːn/\nAnn=an\n", encoding="utf-8")
    for names in (listed, read_names(str(tmp_path / "names.txt"))):
        assert names == ["Martin", "Siobhan", "Ann"]
        assert [name.say for name in names] == [(), ("shivawn", "/ʃɪˈvɔːn/"), ("an",)]
        assert [name.say for name in read_names(plain(names))] == [name.say for name in names]
        assert [ways_to_say(name) for name in names] == [("Martin",), ("shivawn", "/ʃɪˈvɔːn/"), ("an",)]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *((wrong, r".*say: \[shivawn") for wrong in ({"text": "Siobhan"}, {"text": "", "say": "x"}, 7)),
        ({"text": "Siobhan", "say": []}, r".*say: \[shivawn"),
        *(({"text": "Siobhan", "say": [say]}, "say .*IPA between slashes") for say in ("李", "shi2vawn", "/")),
    ],
)
def test_a_wrong_entry_is_an_error_with_its_place(name, reason):
    with pytest.raises(ValueError, match=rf"names\[1\]: {reason}"):
        read_names(["Martin", name])


def test_a_line_without_its_pronunciation_is_an_error_with_its_number(tmp_path):
    (tmp_path / "names.txt").write_text("Martin\nSiobhan =\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"names\.txt:2: "):
        read_names(str(tmp_path / "names.txt"))


def test_a_file_that_cannot_be_read_is_an_error_with_its_path(tmp_path):
    with pytest.raises(ValueError, match=r"missing\.txt: not a readable text file"):
        read_names(str(tmp_path / "missing.txt"))
