import hashlib
import http.server
import threading
import zipfile

import pytest

from speech.lessons.data import DataError, File, Row, Source, find, read_rows, require_enough
from speech.lessons.result import Place

CONTENT = {"Messages": b"ham\thello\nspam\tFREE prize\n", "in/more.txt": b"good\t1\n"}


@pytest.fixture
def source(tmp_path):
    """An archive as the repository serves it, at an address of this machine."""
    archive = tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w") as stream:
        for name, content in CONTENT.items():
            stream.writestr(name, content)
    names = zip(CONTENT, ("messages.tsv", "more/more.txt"), strict=True)
    files = [File(path, member, hashlib.sha256(CONTENT[member]).hexdigest()) for member, path in names]
    return Source(archive.as_uri(), files)


def place(tmp_path, data_dir=None):
    return Place(tmp_path / "run", [0], data_dir, tmp_path / "cache")


def test_what_is_missing_is_fetched_verified_and_kept(source, tmp_path):
    paths = find(source, place(tmp_path))
    assert [path.read_bytes() for path in paths] == list(CONTENT.values())
    (tmp_path / "archive.zip").unlink()
    assert find(source, place(tmp_path)) == paths  # without the archive: from the cache


def test_what_was_changed_at_its_source_is_refused_and_nothing_is_kept(source, tmp_path):
    files = [source.files[0], source.files[1]._replace(sha256="0" * 64)]
    with pytest.raises(
        DataError, match=r"archive\.zip: in/more\.txt has SHA-256 [0-9a-f]{64}, not 0{64}.*data_dir=DIR"
    ):
        find(source._replace(files=files), place(tmp_path))
    assert not list((tmp_path / "cache").rglob("*.t*"))


def test_an_archive_that_cannot_be_had_is_named_with_the_way_out(source, tmp_path):
    (tmp_path / "page.html").write_text("<html>not found</html>")
    without = source._replace(files=[source.files[0]._replace(member="Elsewhere")])
    for wrong, message in (
        (source._replace(url=(tmp_path / "no.zip").as_uri()), "No such file"),
        (source._replace(url="http://127.0.0.1:9/no.zip"), "refused"),
        (source._replace(url=(tmp_path / "page.html").as_uri()), "not the archive that is expected"),
        (without, "not the archive that is expected.*Elsewhere"),
    ):
        with pytest.raises(DataError, match=f"(?s){message}.*give its folder as data_dir=DIR"):
            find(wrong, place(tmp_path))


def test_a_connection_that_breaks_off_leaves_nothing(source, tmp_path):
    class Breaks(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"PK")

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Breaks) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(DataError, match=r"IncompleteRead.*data_dir=DIR"):
            find(source._replace(url=f"http://127.0.0.1:{server.server_port}/archive.zip"), place(tmp_path))
        server.shutdown()
    assert not (tmp_path / "cache").exists()


def test_a_damaged_file_in_the_cache_is_named(source, tmp_path):
    path, _ = find(source, place(tmp_path))
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DataError, match=r"messages\.tsv: not the original \(SHA-256\): delete it"):
        find(source, place(tmp_path))


@pytest.mark.parametrize("names", [("messages.tsv", "more/more.txt"), tuple(CONTENT)], ids=["ours", "the archive's"])
def test_a_folder_of_ones_own_is_read_under_either_name(source, tmp_path, capsys, names):
    for name, content in zip(names, CONTENT.values(), strict=True):
        path = tmp_path / "own" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "archive.zip").unlink()
    found = find(source, place(tmp_path, tmp_path / "own"))
    assert [path.read_bytes() for path in found] == list(CONTENT.values())
    assert not capsys.readouterr().out
    found[0].write_bytes(b"ham\tother rows\n")
    assert find(source, place(tmp_path, tmp_path / "own")) == found
    assert "messages.tsv: not the original" in capsys.readouterr().out.replace("Messages", "messages.tsv")


def test_a_folder_without_the_file_is_named_with_both_names(source, tmp_path):
    with pytest.raises(DataError, match=r"data_dir=.*own: neither .*messages\.tsv nor .*Messages is there"):
        find(source, place(tmp_path, tmp_path / "own"))


def test_rows_are_read_once_each_and_only_a_newline_ends_one(tmp_path):
    path = tmp_path / "rows.txt"
    path.write_bytes("A film\x85of two lines\t1\nBad.  \t0\nBad.\t0\ta tab\t1\nBad.\t0".encode())
    rows = read_rows(path, ("0", "1"), label_first=False)
    assert rows == [Row("A film\x85of two lines", 1), Row("Bad.", 0), Row("Bad.\t0\ta tab", 1)]
    path.write_bytes(b"spam\tFREE\tprize\nham\thello\n")
    rows = [Row("FREE\tprize", 1), Row("hello", 0)]
    assert read_rows(path, ("ham", "spam"), label_first=True) == rows
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())  # a byte order mark, as editors of Windows write it
    assert read_rows(path, ("ham", "spam"), label_first=True) == rows


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"ham\thello\nspma\tprize\n", r"rows.tsv, line 2: 'spma\\tprize': ham\|spam<TAB>text is needed"),
        (b"ham hello\n", r"line 1: 'ham hello': ham\|spam<TAB>text"),
        (b"ham\thello\n\nham\tyou\n", r"line 2: '': ham\|spam<TAB>text"),
        (b"ham\t \n", "line 1"),
        (b"ham\thello\nham\t\xff\n", "rows.tsv, line 2: not UTF-8"),
        (b"", "line 1"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, content, message):
    path = tmp_path / "rows.tsv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_rows(path, ("ham", "spam"), label_first=True)


def test_too_few_rows_of_a_label_are_refused(tmp_path):
    rows = [Row(str(i), 0) for i in range(30)] + [Row("prize", 1)]
    with pytest.raises(DataError, match="1 different row of label spam, and at least 20 are needed"):
        require_enough(rows, ("ham", "spam"), tmp_path)
