import pytest

from speech.common import storage


def test_what_is_written_is_read_back(tmp_path):
    storage.write_json(tmp_path / "a.json", {"name": "Chloé", "n": 1})
    assert storage.read_json(tmp_path / "a.json") == {"name": "Chloé", "n": 1}
    storage.write_text(tmp_path / "a.txt", "Chloé\n")
    assert storage.read_text(tmp_path / "a.txt") == "Chloé\n"


def interrupted(path):
    path.write_text("half")
    raise KeyboardInterrupt


def test_a_write_that_fails_leaves_the_earlier_file_and_no_other(tmp_path):
    path = tmp_path / "a.json"
    storage.write_json(path, {"n": 1})
    with pytest.raises(TypeError):
        storage.write_json(path, {"n": object()})
    with pytest.raises(UnicodeEncodeError):
        storage.write_text(path, "half \ud800")
    with pytest.raises(KeyboardInterrupt), storage.whole(path) as part:
        interrupted(part)
    assert storage.read_json(path) == {"n": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [None, b"", b'{"n": ', b"\xff", b"[1]"])
def test_a_file_that_a_run_did_not_write_is_named(tmp_path, content):
    path = tmp_path / "report.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"report\.json: not .*(resume|train again)"):
        storage.read_json(path)
